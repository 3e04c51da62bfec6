// Command pod measures how much longer an injected Job takes than a bare one, from its creation to its completion, for each
// arrangement of the injected containers that was tried, and how soon a deleted pod is gone. It alternates between all of
// them and prints tables. It needs a cluster in KUBECONFIG with the operator installed and the image of the end-to-end
// tests' steps loaded:
//
//	go run ./test/bench/pod --sidecar-image=… --rounds=10
package main

import (
	"context"
	"flag"
	"fmt"
	"math/rand/v2"
	"os"
	"slices"
	"time"

	batchv1 "k8s.io/api/batch/v1"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/watch"
	"k8s.io/utils/ptr"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/converged-computing/oras-operator/pkg/apis/v1alpha1"
	"github.com/converged-computing/oras-operator/test/harness"
)

func main() {
	sidecar := flag.String("sidecar-image", "", "image of the sidecar, as the operator injects it")
	rounds := flag.Int("rounds", 10, "Jobs of each kind")
	flag.Parse()
	if err := run(context.Background(), os.Getenv("KUBECONFIG"), *sidecar, *rounds); err != nil {
		fmt.Fprintln(os.Stderr, "bench:", err)
		os.Exit(1)
	}
}

func run(ctx context.Context, kubeconfig, sidecar string, rounds int) error {
	b, err := newBench(ctx, kubeconfig, sidecar)
	if err != nil {
		return err
	}
	defer b.close(ctx)
	times := map[string][]time.Duration{}
	for round := range rounds {
		for _, a := range arrangements() {
			took, err := b.time(ctx, a)
			if err != nil {
				return fmt.Errorf("%s: %w", a.name, err)
			}
			times[a.name] = append(times[a.name], took)
		}
		for _, r := range removals() {
			took, err := b.timeRemoval(ctx, r)
			if err != nil {
				return fmt.Errorf("%s: %w", r.name, err)
			}
			times[r.name] = append(times[r.name], took)
		}
		fmt.Fprintf(os.Stderr, "round %d of %d\n", round+1, rounds)
	}
	report(times)
	return nil
}

// report prints a table of the Jobs and one of the deleted pods.
func report(times map[string][]time.Duration) {
	fmt.Println("| Job, from its creation until it is complete | median | range | beyond the bare one |")
	printTable(times, arrangements(), func(a arrangement) string { return a.name })
	fmt.Println("\n| Pod, from its deletion until it is gone | median | range | beyond the bare one |")
	printTable(times, removals(), func(r removal) string { return r.name })
}

// printTable prints medians and ranges; the first row is what the others are held against.
func printTable[T any](times map[string][]time.Duration, rows []T, name func(T) string) {
	fmt.Println("| --- | --- | --- | --- |")
	var bare time.Duration
	for i, row := range rows {
		all := slices.Sorted(slices.Values(times[name(row)]))
		median := all[len(all)/2]
		if i == 0 {
			bare = median
		}
		fmt.Printf("| %s | %.2f s | %.2f to %.2f s | %.2f s |\n",
			name(row), median.Seconds(), all[0].Seconds(), all[len(all)-1].Seconds(), (median - bare).Seconds())
	}
}

// tick is how often the kubelet looks at its containers, and about how often the Job controller looks at its pods. What
// begins right after another Job has ended always begins in the same part of it; so each begins at a random moment.
const tick = time.Second

type bench struct {
	*harness.Cluster
	namespace, sidecar string
	jobs               int
}

// newBench makes a namespace with a cache in it, and an artifact for the steps to take.
func newBench(ctx context.Context, kubeconfig, sidecar string) (*bench, error) {
	c, err := harness.Connect(kubeconfig)
	if err != nil {
		return nil, err
	}
	namespace := &corev1.Namespace{ObjectMeta: metav1.ObjectMeta{GenerateName: "bench-"}}
	if err := c.Create(ctx, namespace); err != nil {
		return nil, err
	}
	b := &bench{Cluster: c, namespace: namespace.Name, sidecar: sidecar}
	cache := &v1alpha1.OrasCache{ObjectMeta: metav1.ObjectMeta{Name: "oras", Namespace: b.namespace}}
	if err := c.Create(ctx, cache); err != nil {
		return nil, err
	}
	maker := arrangement{name: "an input", plan: "output-uri", change: unchanged}
	for { // until the cache answers
		if _, err := b.time(ctx, maker); err == nil {
			return b, nil
		} else if ctx.Err() != nil {
			return nil, err
		}
	}
}

func (b *bench) close(ctx context.Context) {
	namespace := &corev1.Namespace{ObjectMeta: metav1.ObjectMeta{Name: b.namespace}}
	if err := b.Delete(ctx, namespace); err != nil {
		fmt.Fprintln(os.Stderr, "bench:", err)
	}
}

// time runs one Job and returns how long it took.
func (b *bench) time(ctx context.Context, a arrangement) (time.Duration, error) {
	template, err := b.template(a)
	if err != nil {
		return 0, err
	}
	b.jobs++
	job := &batchv1.Job{
		ObjectMeta: metav1.ObjectMeta{Name: fmt.Sprintf("job-%d", b.jobs), Namespace: b.namespace},
		Spec:       batchv1.JobSpec{BackoffLimit: ptr.To[int32](0), Template: template},
	}
	time.Sleep(rand.N(tick))
	start := time.Now()
	if err := b.Create(ctx, job); err != nil {
		return 0, err
	}
	if err := b.ended(ctx, job); err != nil {
		return 0, err
	}
	took := time.Since(start)
	return took, b.Delete(ctx, job, client.PropagationPolicy(metav1.DeletePropagationForeground))
}

// ended waits until the Job is Complete; one that has failed is an error.
func (b *bench) ended(ctx context.Context, job *batchv1.Job) error {
	watcher, err := b.Watch(ctx, &batchv1.JobList{}, client.InNamespace(b.namespace), client.MatchingFields{"metadata.name": job.Name})
	if err != nil {
		return err
	}
	defer watcher.Stop()
	for event := range watcher.ResultChan() {
		now, ok := event.Object.(*batchv1.Job)
		if !ok || event.Type == watch.Error {
			return fmt.Errorf("watching Job %s: %v", job.Name, event.Object)
		}
		for _, condition := range now.Status.Conditions {
			switch {
			case condition.Status != corev1.ConditionTrue:
			case condition.Type == batchv1.JobComplete:
				return nil
			case condition.Type == batchv1.JobFailed:
				return fmt.Errorf("waiting for Job %s: it has failed: %s", job.Name, condition.Message)
			}
		}
	}
	return fmt.Errorf("the watch of Job %s has ended", job.Name)
}
