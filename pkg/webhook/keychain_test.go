package webhook

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"gotest.tools/v3/assert"
	corev1 "k8s.io/api/core/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/client/fake"
	"sigs.k8s.io/controller-runtime/pkg/client/interceptor"

	"github.com/converged-computing/oras-operator/pkg/imageconfig"
)

// slow is a cluster that never answers about objects like one, and that counts how many wait for it at a time.
func slow(one client.Object, most *atomic.Int32) client.Client {
	var now atomic.Int32
	return fake.NewClientBuilder().WithInterceptorFuncs(interceptor.Funcs{
		Get: func(ctx context.Context, c client.WithWatch, key client.ObjectKey, o client.Object, opts ...client.GetOption) error {
			if fmt.Sprintf("%T", o) != fmt.Sprintf("%T", one) {
				return c.Get(ctx, key, o, opts...)
			}
			if n := now.Add(1); n > most.Load() {
				most.Store(n)
			}
			defer now.Add(-1)
			select {
			case <-ctx.Done():
				return ctx.Err()
			case <-time.After(time.Minute):
				return errors.New("nobody has stopped waiting")
			}
		},
	}).Build()
}

// The API server gives a webhook 5 s for everything.
func TestReadingForALookUpCountsAgainstItsTime(t *testing.T) {
	image := private(t)
	for title, test := range map[string]struct {
		never client.Object
		pod   corev1.PodSpec
		want  string
	}{
		"the ServiceAccount": {&corev1.ServiceAccount{}, corev1.PodSpec{}, `reading ServiceAccount "default": context deadline exceeded`},
		"a Secret": {
			&corev1.Secret{}, corev1.PodSpec{ImagePullSecrets: []corev1.LocalObjectReference{{Name: "pull"}, {Name: "other"}}}, `reading Secret "pull" took too long`,
		},
	} {
		t.Run(title, func(t *testing.T) {
			var most atomic.Int32
			cluster := slow(test.never, &most)
			found := newCommands(cluster, cluster, nodes{cluster}, imageconfig.Options{AllowLoopback: true, Timeout: 300 * time.Millisecond})
			begin := time.Now()
			var all sync.WaitGroup
			for range 20 {
				all.Go(func() {
					got := found.find(t.Context(), "team", test.pod, image)
					assert.Check(t, strings.Contains(got.Unknown, test.want) || strings.Contains(got.Unknown, "too many are read at once"), got.Unknown)
				})
			}
			all.Wait()
			assert.Assert(t, time.Since(begin) < 10*time.Second)
			assert.Equal(t, most.Load(), int32(readingAtOnce))
		})
	}
}

func TestFewAndSmallSecretsAreReadForALookUp(t *testing.T) {
	image := private(t)
	many := func(last string, before int) corev1.PodSpec {
		var pod corev1.PodSpec
		for i := range before {
			pod.ImagePullSecrets = append(pod.ImagePullSecrets, corev1.LocalObjectReference{Name: fmt.Sprintf("none-%d", i)})
		}
		pod.ImagePullSecrets = append(pod.ImagePullSecrets, pod.ImagePullSecrets...) // the same again does not count
		pod.ImagePullSecrets = append(pod.ImagePullSecrets, corev1.LocalObjectReference{Name: last})
		return pod
	}
	large := pullSecret("large", image, "secret")
	large.Data["more"] = make([]byte, maxPullSecretSize)
	for title, test := range map[string]struct {
		pod     corev1.PodSpec
		reads   int32
		unknown string
	}{
		"as many as are read":    {many("pull", 15), 16, ""},
		"more than are read":     {many("pull", 499), 16, "no more than 16 imagePullSecrets are read"},
		"one that is too large":  {many("large", 0), 1, `Secret "large" has more than 32768 bytes`},
		"a large one among more": {corev1.PodSpec{ImagePullSecrets: []corev1.LocalObjectReference{{Name: "large"}, {Name: "pull"}}}, 2, ""},
	} {
		t.Run(title, func(t *testing.T) {
			var reads atomic.Int32
			cluster := fake.NewClientBuilder().WithObjects(pullSecret("pull", image, "secret"), large.DeepCopy()).WithInterceptorFuncs(interceptor.Funcs{
				Get: func(ctx context.Context, c client.WithWatch, key client.ObjectKey, o client.Object, opts ...client.GetOption) error {
					reads.Add(1)
					return c.Get(ctx, key, o, opts...)
				},
			}).Build()
			got := newCommands(cluster, cluster, nodes{cluster}, imageconfig.Options{AllowLoopback: true}).find(t.Context(), "team", test.pod, image)
			assert.Equal(t, reads.Load(), test.reads)
			assert.Assert(t, strings.Contains(got.Unknown, test.unknown), got.Unknown)
			assert.Equal(t, got.Unknown == "", test.unknown == "", got.Unknown)
		})
	}
}
