//go:build e2e

package e2e

import (
	"bytes"
	"context"
	"crypto/rand"
	"crypto/sha256"
	"fmt"
	"io"
	"maps"
	"net"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"gotest.tools/v3/assert"
	appsv1 "k8s.io/api/apps/v1"
	batchv1 "k8s.io/api/batch/v1"
	coordinationv1 "k8s.io/api/coordination/v1"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/utils/ptr"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/converged-computing/oras-operator/pkg/apis/v1alpha1"
	"github.com/converged-computing/oras-operator/test/harness"
	"github.com/converged-computing/oras-operator/test/minioserver"
	"github.com/converged-computing/oras-operator/test/sample"
)

const (
	// minioImage holds a MinIO server and nothing else.
	minioImage = "oras-test/minio:e2e"
	minioPort  = 9000

	// replicas are those of a registry over S3, of which one may be lost.
	replicas = 3
)

// Fifty steps take an artifact and make one each, all at the same time. Meanwhile the replica that collects garbage is lost, and
// the process of another; then all are restarted, one after the other. There is garbage, of the very blobs that some of the steps
// push, and hardly any grace for it.
func TestFaultReplicasThatAreLostOrRestartedFailNoneOfFiftySteps(t *testing.T) { // E82
	t.Parallel()
	c := connect(t)
	ns := c.namespace(t, nil)
	c.replicated(t, ns)
	turns := c.turns(t, ns)
	const steps, garbage = 50, 3
	host, in := c.forward(t, ns), tree(1000)
	pushTree(t, host, "in:v1", in)
	for i := range garbage { // all at about the same time, so that it goes in one round
		pushTree(t, host, fmt.Sprintf("old/%d:v1", i), tree(uint64(i)))
	}

	began := time.Now()
	c.apply(t, ns, sweep(steps, in))
	c.allServe(t, ns, "method=GET path=/v2/in/blobs/")
	lost := turns.last(t)
	c.loseReplicas(t, ns, lost.pod())
	before := c.succeeded(t, ns, "sweep")
	assert.NilError(t, kubectl(within(t), "rollout", "restart", "--namespace", ns, "statefulset/"+cacheName))
	c.allReplicas(t, ns)
	after := c.succeeded(t, ns, "sweep")
	assert.Assert(t, before < steps, "the steps were over before the replicas were restarted")
	c.complete(t, ns, "sweep")
	took := time.Since(began).Round(time.Second)
	c.noneRestarted(t, ns, "sweep", steps)

	host = c.forward(t, ns)
	for i := range garbage {
		await(t, fmt.Sprintf("piece %d of the garbage is gone", i), func(context.Context) (bool, error) {
			return len(tagsAt(t, host, fmt.Sprintf("old/%d", i))) == 0, nil
		})
	}
	collected := time.Since(began).Round(time.Second)
	c.apply(t, ns, gather(steps))
	c.complete(t, ns, "gather")
	assert.Assert(t, turns.last(t).identity != lost.identity)
	turns.areOneAfterTheOther(t)
	t.Logf("%d steps in %s, none failed: %d had succeeded when the replicas began to be restarted, %d when they had been; all garbage was gone after %s, in %d turns",
		steps, took, before, after, collected, len(turns.all()))
}

// sweep is a Job of many steps that take a tree and make one each, step N when it has had its input for N seconds.
func sweep(steps int32, in sample.Tree) job {
	j := treeTaker("sweep", "in:v1", in)
	maps.Copy(j.annotations, keys{"output-uri": "out/{index}:v1", "sidecar-cpu": "10m"})
	j.pods = steps
	j.args = append(j.args, "sleep", "$(JOB_COMPLETION_INDEX)s",
		"make-tree", "$ORAS_OUTPUT_PATH", fmt.Sprintf("$(JOB_COMPLETION_INDEX)/1/%d", treeBytes))
	return j
}

// gather is a step that fails unless all that the steps of a sweep have made is there, to the last byte.
func gather(steps int) job {
	j := job{
		name: "gather", labels: keys{"oras-cache": "oras", "input-count": strconv.Itoa(steps)},
		annotations: keys{"input-uri": "out/*:v1", "input-path": "/in"},
	}
	for i := range steps {
		j.args = append(j.args, "check-tree", fmt.Sprintf("/in/out/%d/v1", i), tree(uint64(i)).String())
	}
	return j
}

// allServe waits until each replica has logged a text.
func (c *cluster) allServe(t *testing.T, namespace, text string) {
	t.Helper()
	for i := range replicas {
		await(t, fmt.Sprintf("replica %d has served a step", i), func(ctx context.Context) (bool, error) {
			log, err := c.containerLog(ctx, namespace, replica(namespace, i).Name, "registry")
			return strings.Contains(log, text), err
		})
	}
}

// loseReplicas has one replica gone at once, as with its node, and then the process of another. It returns when all are back.
func (c *cluster) loseReplicas(t *testing.T, namespace, first string) {
	t.Helper()
	pod := &corev1.Pod{}
	assert.NilError(t, c.Get(within(t), client.ObjectKey{Namespace: namespace, Name: first}, pod))
	gone := pod.UID
	assert.NilError(t, c.Delete(within(t), pod, client.GracePeriodSeconds(0)))
	await(t, first+" is replaced", func(ctx context.Context) (bool, error) {
		err := c.Get(ctx, client.ObjectKeyFromObject(pod), pod)
		return err == nil && pod.UID != gone && isReady(pod), client.IgnoreNotFound(err)
	})
	other := replica(namespace, 0)
	if other.Name == first {
		other = replica(namespace, 1)
	}
	c.kill(t, other, "registry", harness.Main)
	c.startedAgain(t, other, "registry")
	c.allReplicas(t, namespace)
}

// noneRestarted checks that a Job had so many pods and no more, and that no container of them was started again.
func (c *cluster) noneRestarted(t *testing.T, namespace, job string, pods int) {
	t.Helper()
	var list corev1.PodList
	assert.NilError(t, c.List(within(t), &list, client.InNamespace(namespace), client.MatchingLabels{batchv1.JobNameLabel: job}))
	assert.Equal(t, len(list.Items), pods)
	for _, pod := range list.Items {
		assert.Equal(t, restarts(&pod, "oras")+restarts(&pod, "app"), int32(0), pod.Name)
	}
}

// An upload is not bound to the replica that it began at.
func TestAnUploadGoesOnAtAnyReplica(t *testing.T) {
	t.Parallel()
	c := connect(t)
	ns := c.namespace(t, nil)
	c.replicated(t, ns)
	var hosts [replicas]string
	for i := range hosts {
		address, _, err := c.Forward(t.Context(), ns, replica(ns, i).Name, v1alpha1.Port)
		assert.NilError(t, err)
		hosts[i] = address
	}
	content := make([]byte, 7<<20)
	_, _ = rand.Read(content) // it always can
	at := "http://" + hosts[0] + "/v2/step/blobs/uploads/"
	at = follow(t, http.MethodPost, at, hosts[0], nil, http.StatusAccepted)
	at = follow(t, http.MethodPatch, at, hosts[1], content[:3<<20], http.StatusAccepted)
	at = follow(t, http.MethodPatch, at, hosts[2], content[3<<20:6<<20], http.StatusAccepted)
	at += "&digest=" + url.QueryEscape(fmt.Sprintf("sha256:%x", sha256.Sum256(content)))
	at = follow(t, http.MethodPut, at, hosts[0], content[6<<20:], http.StatusCreated)
	for _, host := range hosts {
		assert.Assert(t, bytes.Equal(fetch(t, at, host), content), host)
	}
}

// follow sends a request to the path of a URL at a host, and returns the URL that it is answered with.
func follow(t *testing.T, method, at, host string, body []byte, status int) string {
	t.Helper()
	resp := sendTo(t, method, at, host, body)
	defer resp.Body.Close() //nolint:errcheck // only read from
	text, err := io.ReadAll(resp.Body)
	assert.NilError(t, err)
	assert.Equal(t, resp.StatusCode, status, "%s at %s: %s", method, host, text)
	next, err := resp.Location()
	assert.NilError(t, err)
	return next.String()
}

func fetch(t *testing.T, at, host string) []byte {
	t.Helper()
	resp := sendTo(t, http.MethodGet, at, host, nil)
	defer resp.Body.Close() //nolint:errcheck // only read from
	assert.Equal(t, resp.StatusCode, http.StatusOK)
	content, err := io.ReadAll(resp.Body)
	assert.NilError(t, err)
	return content
}

func sendTo(t *testing.T, method, at, host string, body []byte) *http.Response {
	t.Helper()
	where, err := url.Parse(at)
	assert.NilError(t, err)
	where.Host = host
	req, err := http.NewRequestWithContext(within(t), method, where.String(), bytes.NewReader(body))
	assert.NilError(t, err)
	if len(body) > 0 {
		req.Header.Set("Content-Type", "application/octet-stream")
	}
	resp, err := http.DefaultClient.Do(req)
	assert.NilError(t, err)
	return resp
}

// replicated makes a cache with replicas over a MinIO of its own. What is in repositories below old goes at once.
func (c *cluster) replicated(t *testing.T, namespace string) {
	t.Helper()
	s3 := c.minio(t, namespace)
	second := &metav1.Duration{Duration: time.Second}
	c.cacheOf(t, namespace, v1alpha1.OrasCacheSpec{
		Replicas:  ptr.To[int32](replicas),
		Storage:   v1alpha1.StorageSpec{S3: s3},
		GC:        v1alpha1.GCSpec{Schedule: new("@every 10s"), GracePeriod: &metav1.Duration{Duration: 10 * time.Second}},
		Retention: []v1alpha1.RetentionRule{{Repositories: "old/*", TTL: second, Untagged: second}},
	})
	c.allReplicas(t, namespace)
}

// minio runs a MinIO with a bucket, and a Secret with its credentials.
func (c *cluster) minio(t *testing.T, namespace string) *v1alpha1.S3Spec {
	t.Helper()
	server := minioserver.Server{AccessKey: rand.Text(), SecretKey: rand.Text()}
	assert.NilError(t, c.Create(within(t), &corev1.Secret{
		ObjectMeta: metav1.ObjectMeta{Namespace: namespace, Name: "bucket"},
		StringData: map[string]string{"AWS_ACCESS_KEY_ID": server.AccessKey, "AWS_SECRET_ACCESS_KEY": server.SecretKey},
	}))
	pod := &corev1.Pod{
		ObjectMeta: metav1.ObjectMeta{Namespace: namespace, Name: "minio"},
		Spec: corev1.PodSpec{
			TerminationGracePeriodSeconds: ptr.To[int64](0),
			SecurityContext:               &corev1.PodSecurityContext{FSGroup: ptr.To[int64](65532)},
			Containers: []corev1.Container{{
				Name: "minio", Image: minioImage, ImagePullPolicy: corev1.PullIfNotPresent,
				Args: []string{"server", "--quiet", "--address", fmt.Sprintf(":%d", minioPort), "/data/drive"},
				Env: []corev1.EnvVar{
					{Name: "MINIO_ROOT_USER", Value: server.AccessKey}, {Name: "MINIO_ROOT_PASSWORD", Value: server.SecretKey},
					{Name: "MINIO_BROWSER", Value: "off"}, {Name: "MINIO_UPDATE", Value: "off"}, {Name: "HOME", Value: "/data"}, {Name: "GOMEMLIMIT", Value: "256MiB"},
				},
				ReadinessProbe: answers("/minio/health/cluster", minioPort),
				VolumeMounts:   []corev1.VolumeMount{{Name: "data", MountPath: "/data"}},
			}},
			Volumes: []corev1.Volume{{Name: "data", VolumeSource: corev1.VolumeSource{EmptyDir: &corev1.EmptyDirVolumeSource{}}}},
		},
	}
	address := c.serve(t, pod)
	var err error
	server.Addr, _, err = c.Forward(t.Context(), namespace, pod.Name, minioPort)
	assert.NilError(t, err)
	return &v1alpha1.S3Spec{
		Bucket: server.Bucket(t, "artifacts"), Endpoint: net.JoinHostPort(address, strconv.Itoa(minioPort)), Insecure: true, SecretName: "bucket",
	}
}

// replica is the pod of one.
func replica(namespace string, i int) *corev1.Pod {
	return &corev1.Pod{ObjectMeta: metav1.ObjectMeta{Namespace: namespace, Name: fmt.Sprintf("%s-%d", cacheName, i)}}
}

// allReplicas waits until all are ready, as the StatefulSet wants them now.
func (c *cluster) allReplicas(t *testing.T, namespace string) {
	t.Helper()
	await(t, "all replicas are ready", func(ctx context.Context) (bool, error) {
		var set appsv1.StatefulSet
		err := c.Get(ctx, client.ObjectKey{Namespace: namespace, Name: cacheName}, &set)
		s := set.Status
		return s.ObservedGeneration >= set.Generation && s.ReadyReplicas == replicas && s.UpdatedReplicas == replicas &&
			s.CurrentRevision == s.UpdateRevision, err
	})
}

// succeeded is how many pods of a Job have.
func (c *cluster) succeeded(t *testing.T, namespace, name string) int32 {
	t.Helper()
	var job batchv1.Job
	assert.NilError(t, c.Get(within(t), client.ObjectKey{Namespace: namespace, Name: name}, &job))
	return job.Status.Succeeded
}

// turn is that of a replica to collect garbage, as the Lease told of it.
type turn struct {
	identity          string
	acquired, renewed time.Time
	lasts             time.Duration // without being renewed
}

func (t turn) pod() string {
	pod, _, _ := strings.Cut(t.identity, "_")
	return pod
}

// turns are all of them since somebody looks.
type turns struct {
	mu   sync.Mutex
	list []turn
}

// turns follows the Lease of a namespace's cache until the test is over.
func (c *cluster) turns(t *testing.T, namespace string) *turns {
	t.Helper()
	changes, err := c.Watch(t.Context(), &coordinationv1.LeaseList{}, client.InNamespace(namespace))
	assert.NilError(t, err)
	seen := &turns{}
	go func() {
		for change := range changes.ResultChan() {
			if lease, ok := change.Object.(*coordinationv1.Lease); ok && ptr.Deref(lease.Spec.HolderIdentity, "") != "" {
				seen.add(lease.Spec)
			}
		}
	}()
	return seen
}

func (s *turns) add(lease coordinationv1.LeaseSpec) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if last := len(s.list) - 1; last >= 0 && s.list[last].identity == *lease.HolderIdentity {
		s.list[last].renewed = lease.RenewTime.Time
		return
	}
	s.list = append(s.list, turn{
		identity: *lease.HolderIdentity, acquired: lease.AcquireTime.Time, renewed: lease.RenewTime.Time,
		lasts: time.Duration(*lease.LeaseDurationSeconds) * time.Second,
	})
}

func (s *turns) all() []turn {
	s.mu.Lock()
	defer s.mu.Unlock()
	return slices.Clone(s.list)
}

// last is the turn now; it waits for the first.
func (s *turns) last(t *testing.T) turn {
	t.Helper()
	await(t, "a replica collects garbage", func(context.Context) (bool, error) { return len(s.all()) > 0, nil })
	all := s.all()
	return all[len(all)-1]
}

// areOneAfterTheOther checks that there were several, and that each began when the one before it had run out.
func (s *turns) areOneAfterTheOther(t *testing.T) {
	t.Helper()
	all := s.all()
	assert.Assert(t, len(all) > 1)
	for i, next := range all[1:] {
		runsOut := all[i].renewed.Add(all[i].lasts)
		assert.Assert(t, !next.acquired.Before(runsOut), "%s began at %s, but that of %s was until %s", next.identity, next.acquired, all[i].identity, runsOut)
	}
}
