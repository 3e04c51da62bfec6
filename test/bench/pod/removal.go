package main

import (
	"context"
	"fmt"
	"strings"
	"time"

	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/util/wait"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/converged-computing/oras-operator/pkg/apis/v1alpha1"
	"github.com/converged-computing/oras-operator/test/harness"
)

// settled is how long a pod has run when it is deleted. The kubelet answers a deletion only after it has finished
// what it does about the pod's start: deleted at once, a bare pod is gone after 1.6 to 2.9 s too.
const settled = 3 * time.Second

// removal is a pod that is deleted.
type removal struct {
	arrangement
	busy string // what the sidecar logs when the pod does what it is deleted from
}

// removals starts with the bare pod.
func removals() []removal {
	return []removal{
		{arrangement: arrangement{name: "bare, ends at SIGTERM", change: untilTerminated}},
		{arrangement: arrangement{name: "injected, waits for its inputs (goal 2 s)", plan: v1alpha1.KeyInputWait, change: unchanged},
			busy: "An input is not there yet."},
	}
}

func untilTerminated(spec *corev1.PodSpec) { spec.Containers[0].Args = []string{"await-signal", "15"} }

// timeRemoval starts a pod, deletes it when it has settled, and returns how long it took until the pod was gone.
func (b *bench) timeRemoval(ctx context.Context, r removal) (time.Duration, error) {
	template, err := b.template(r.arrangement)
	if err != nil {
		return 0, err
	}
	b.jobs++
	pod := &corev1.Pod{
		ObjectMeta: metav1.ObjectMeta{Name: fmt.Sprintf("removed-%d", b.jobs), Namespace: b.namespace}, Spec: template.Spec,
	}
	if err := b.Create(ctx, pod); err != nil {
		return 0, err
	}
	if err := b.until(ctx, func(ctx context.Context) (bool, error) { return b.isBusy(ctx, pod, r.busy) }); err != nil {
		return 0, fmt.Errorf("waiting until it runs: %w", err)
	}
	time.Sleep(settled)
	start := time.Now()
	if err := b.Delete(ctx, pod); err != nil {
		return 0, err
	}
	err = b.until(ctx, func(ctx context.Context) (bool, error) {
		err := b.Get(ctx, client.ObjectKeyFromObject(pod), pod)
		return apierrors.IsNotFound(err), client.IgnoreNotFound(err)
	})
	return time.Since(start), err
}

// isBusy is true when the pod's container runs and, unless it is empty, the sidecar's log has the line.
func (b *bench) isBusy(ctx context.Context, pod *corev1.Pod, line string) (bool, error) {
	if err := b.Get(ctx, client.ObjectKeyFromObject(pod), pod); err != nil {
		return false, err
	}
	if status := harness.Status(pod, "app"); status == nil || status.State.Running == nil {
		return false, nil
	}
	if line == "" {
		return true, nil
	}
	log, err := b.Log(ctx, pod.Namespace, pod.Name, corev1.PodLogOptions{Container: "oras"})
	return strings.Contains(log, line), err
}

// until looks often, since the time between two looks is part of what is measured.
func (b *bench) until(ctx context.Context, done func(context.Context) (bool, error)) error {
	return wait.PollUntilContextTimeout(ctx, 10*time.Millisecond, time.Minute, true, done)
}
