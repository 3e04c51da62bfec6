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

// gone is the line of the table for a pod that is deleted.
const gone = "a pod that waits for its inputs, from its deletion until it is gone (goal 2 s)"

// timeGone starts a pod that waits for an input, deletes it, and returns how long that took.
func (b *bench) timeGone(ctx context.Context) (time.Duration, error) {
	template, err := b.template(arrangement{plan: v1alpha1.KeyInputWait, change: unchanged})
	if err != nil {
		return 0, err
	}
	b.jobs++
	pod := &corev1.Pod{
		ObjectMeta: metav1.ObjectMeta{Name: fmt.Sprintf("waits-%d", b.jobs), Namespace: b.namespace}, Spec: template.Spec,
	}
	if err := b.Create(ctx, pod); err != nil {
		return 0, err
	}
	if err := b.until(ctx, func(ctx context.Context) (bool, error) {
		if status := harness.Status(pod, "app"); status == nil || status.State.Running == nil {
			return false, b.Get(ctx, client.ObjectKeyFromObject(pod), pod)
		}
		log, err := b.Log(ctx, pod.Namespace, pod.Name, corev1.PodLogOptions{Container: "oras"})
		return strings.Contains(log, "An input is not there yet."), err
	}); err != nil {
		return 0, fmt.Errorf("waiting until it waits: %w", err)
	}
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

// until looks often, since the time between two looks is part of what is measured.
func (b *bench) until(ctx context.Context, done func(context.Context) (bool, error)) error {
	return wait.PollUntilContextTimeout(ctx, 10*time.Millisecond, time.Minute, true, done)
}
