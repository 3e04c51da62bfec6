package main

import (
	"context"
	"fmt"
	"os"
	"sync"
	"time"

	"golang.org/x/sync/errgroup"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/fields"
	"k8s.io/client-go/util/flowcontrol"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/converged-computing/oras-operator/pkg/apis/v1alpha1"
	"github.com/converged-computing/oras-operator/pkg/inject"
	"github.com/converged-computing/oras-operator/test/harness"
)

// burst is what came of creating pods.
type burst struct {
	took      time.Duration
	created   []time.Duration // how long each took that was created
	denied    []error
	injected  int                // of those that were created
	durations map[string]latency // by [durationMetric]
	latencies map[string]latency // by [latencyMetric], arrival included
	processor float64            // seconds of its time that the managers took, from before until the pods ran
}

// unmarked is a pod without keys, for the nodes that kwok feigns.
func (b *bench) unmarked() corev1.Pod {
	return corev1.Pod{
		ObjectMeta: metav1.ObjectMeta{GenerateName: "pod-", Namespace: b.namespace.Name, Labels: map[string]string{fake: "true"}},
		Spec: corev1.PodSpec{
			NodeSelector: map[string]string{fake: "true"},
			Tolerations:  []corev1.Toleration{{Key: fake, Operator: corev1.TolerationOpExists}},
			Containers:   []corev1.Container{{Name: "app", Image: harness.AppImage, Command: []string{"/app", "identity"}}},
		},
	}
}

// marked is one that takes and makes an artifact.
func (b *bench) marked() corev1.Pod {
	pod := b.unmarked()
	pod.Annotations = map[string]string{}
	for key, value := range map[string]string{
		v1alpha1.KeyCache: "oras", v1alpha1.KeyInputURI: "in", v1alpha1.KeyInputPath: "/data", v1alpha1.KeyOutputURI: "out/{pod}",
	} {
		pod.Annotations[v1alpha1.KeyPrefix+key] = value
	}
	return pod
}

// measure creates pods, waits until they run, asks the managers what they saw of that, and removes the pods.
func (b *bench) measure(ctx context.Context, kind string, pod corev1.Pod) (*burst, error) {
	before, err := b.metrics(ctx)
	if err != nil {
		return nil, err
	}
	made := b.create(ctx, pod)
	fmt.Fprintf(os.Stderr, "%d pods %s were created in %.1f s\n", len(made.created), kind, made.took.Seconds())
	if len(made.denied) > 0 {
		fmt.Fprintf(os.Stderr, "%d were denied, first: %v\n", len(made.denied), made.denied[0])
	}
	err = harness.Await(ctx, "the pods run", func(ctx context.Context) (bool, error) {
		none, err := b.none(ctx, fields.OneTermNotEqualSelector("status.phase", string(corev1.PodRunning)))
		return none, err
	})
	if err != nil {
		return nil, err
	}
	after, err := b.metrics(ctx)
	if err != nil {
		return nil, err
	}
	if made.durations, err = between(before, after, durationMetric); err != nil {
		return nil, err
	}
	if made.latencies, err = between(before, after, latencyMetric); err != nil {
		return nil, err
	}
	made.processor = processorTime(before, after)
	return made, b.empty(ctx)
}

// create creates copies of a pod as fast as the API server takes them, or at the rate that is wanted.
func (b *bench) create(ctx context.Context, pod corev1.Pod) *burst {
	made := &burst{}
	var lock sync.Mutex
	var group errgroup.Group
	group.SetLimit(b.atOnce)
	turns := flowcontrol.NewFakeAlwaysRateLimiter()
	if b.rate > 0 {
		turns = flowcontrol.NewTokenBucketRateLimiter(float32(b.rate), 1)
	}
	start := time.Now()
	for range b.pods {
		turns.Accept()
		group.Go(func() error {
			created := pod.DeepCopy()
			begun := time.Now()
			err := b.burst.Create(ctx, created)
			took := time.Since(begun)
			lock.Lock()
			defer lock.Unlock()
			if err != nil {
				made.denied = append(made.denied, err)
				return nil
			}
			made.created = append(made.created, took)
			if inject.Injected(created.Spec) && inject.Damage(created.Spec) == "" {
				made.injected++
			}
			return nil
		})
	}
	_ = group.Wait() // none fails: what does is counted
	made.took = time.Since(start)
	return made
}

// none tells whether the namespace has no pod of ours that a field selector selects.
func (b *bench) none(ctx context.Context, selected fields.Selector) (bool, error) {
	var list corev1.PodList
	err := b.List(ctx, &list, client.InNamespace(b.namespace.Name), client.MatchingLabels{fake: "true"},
		client.MatchingFieldsSelector{Selector: selected}, client.Limit(1))
	return len(list.Items) == 0, err
}

// empty removes the pods, and returns when they are gone. One request may not be enough: the API server bounds its time.
func (b *bench) empty(ctx context.Context) error {
	return harness.Retry(ctx, "the pods are gone", func(ctx context.Context) (bool, error) {
		err := b.DeleteAllOf(ctx, &corev1.Pod{}, client.InNamespace(b.namespace.Name), client.MatchingLabels{fake: "true"},
			client.GracePeriodSeconds(0))
		if err != nil {
			return false, err
		}
		return b.none(ctx, fields.Everything())
	})
}
