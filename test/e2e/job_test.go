//go:build e2e

package e2e

import (
	"testing"

	batchv1 "k8s.io/api/batch/v1"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/utils/ptr"

	"github.com/converged-computing/oras-operator/pkg/apis/v1alpha1"
)

// keys are labels or annotations without the operator's prefix.
type keys map[string]string

// job is a Job with one container, app, whose command is the test image's binary.
type job struct {
	name        string
	labels      keys
	annotations keys
	args        []string
	noCommand   bool   // leave the command to the image
	restricted  bool   // as the restricted profile wants it, with a read-only root file system
	onFailure   bool   // restart the container when it fails, instead of never
	scratch     string // mount an emptyDir here
	node        string // where its pod runs; empty: anywhere
	pods        int32  // an indexed Job of so many, all at once; 0: a plain one
}

func (j job) object(namespace string) *batchv1.Job {
	app := corev1.Container{
		Name:            "app",
		Image:           image,
		ImagePullPolicy: corev1.PullIfNotPresent,
		Command:         []string{"/app"},
		Args:            j.args,
	}
	if j.noCommand {
		app.Command = nil
	}
	pod := corev1.PodSpec{
		RestartPolicy:                 corev1.RestartPolicyNever,
		TerminationGracePeriodSeconds: ptr.To[int64](30),
		Containers:                    []corev1.Container{app},
	}
	if j.restricted {
		restrict(&pod)
	}
	if j.onFailure {
		pod.RestartPolicy = corev1.RestartPolicyOnFailure
	}
	if j.node != "" {
		pod.NodeSelector = map[string]string{corev1.LabelHostname: j.node}
	}
	if j.scratch != "" {
		pod.Volumes = []corev1.Volume{{Name: "scratch", VolumeSource: corev1.VolumeSource{EmptyDir: &corev1.EmptyDirVolumeSource{}}}}
		pod.Containers[0].VolumeMounts = []corev1.VolumeMount{{Name: "scratch", MountPath: j.scratch}}
	}
	return j.indexed(&batchv1.Job{
		ObjectMeta: metav1.ObjectMeta{
			Name: j.name, Namespace: namespace, Labels: prefixed(j.labels), Annotations: prefixed(j.annotations),
		},
		Spec: batchv1.JobSpec{BackoffLimit: new(j.retries()), Template: corev1.PodTemplateSpec{Spec: pod}},
	})
}

// retries are as many as a test may need, where the container is started again at all.
func (j job) retries() int32 {
	if j.onFailure {
		return 6
	}
	return 0
}

func (j job) indexed(object *batchv1.Job) *batchv1.Job {
	if j.pods > 0 {
		object.Spec.CompletionMode = ptr.To(batchv1.IndexedCompletion)
		object.Spec.Completions, object.Spec.Parallelism = new(j.pods), new(j.pods)
	}
	return object
}

func restrict(pod *corev1.PodSpec) {
	pod.SecurityContext = &corev1.PodSecurityContext{
		RunAsNonRoot:   new(true),
		SeccompProfile: &corev1.SeccompProfile{Type: corev1.SeccompProfileTypeRuntimeDefault},
	}
	pod.Containers[0].SecurityContext = &corev1.SecurityContext{
		AllowPrivilegeEscalation: new(false),
		ReadOnlyRootFilesystem:   new(true),
		Capabilities:             &corev1.Capabilities{Drop: []corev1.Capability{"ALL"}},
	}
}

func prefixed(k keys) map[string]string {
	if k == nil {
		return nil
	}
	m := map[string]string{}
	for key, value := range k {
		m[v1alpha1.KeyPrefix+key] = value
	}
	return m
}

// marked is a pod with two keys.
func marked(ns string) *corev1.Pod {
	like := job{args: []string{"identity"}}.object(ns)
	return &corev1.Pod{
		ObjectMeta: metav1.ObjectMeta{Name: "marked", Namespace: ns, Labels: prefixed(keys{"oras-cache": "oras", "output-uri": "x"})},
		Spec:       like.Spec.Template.Spec,
	}
}

func (c *cluster) apply(t *testing.T, namespace string, j job) {
	t.Helper()
	if err := c.Create(t.Context(), j.object(namespace)); err != nil {
		t.Fatal(err)
	}
}
