package events

import (
	"testing"

	"gotest.tools/v3/assert"
	is "gotest.tools/v3/assert/cmp"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/labels"
	"sigs.k8s.io/controller-runtime/pkg/event"
)

func TestOnlyNewsIsLookedAt(t *testing.T) {
	quiet := newStep(running("oras"), running("app"))
	failed := newStep(ended("app", 203, "The sidecar is gone."))
	failedAndLabelled := newStep(ended("app", 203, "The sidecar is gone."), func(p *corev1.Pod) { p.Labels["new"] = "label" })
	again := newStep(ended("app", 203, "The sidecar is gone."), ended("app", 203, "The sidecar is gone."))
	update := func(before, after *corev1.Pod) bool {
		return news().Update(event.UpdateEvent{ObjectOld: before, ObjectNew: after})
	}
	assert.Assert(t, update(quiet, failed))
	assert.Assert(t, update(failed, again))
	assert.Assert(t, !update(quiet, quiet))
	assert.Assert(t, !update(failed, failedAndLabelled))
	assert.Assert(t, news().Create(event.CreateEvent{Object: failed}), "the operator was started after the pod")
	assert.Assert(t, !news().Create(event.CreateEvent{Object: quiet}))
	assert.Assert(t, !news().Delete(event.DeleteEvent{Object: failed}))
}

func TestOnlyStepsAreWatched(t *testing.T) {
	watched := Watched()
	assert.Assert(t, is.Len(watched, 1))
	for obj, limits := range watched {
		_, isPod := obj.(*corev1.Pod)
		assert.Assert(t, isPod)
		assert.Assert(t, limits.Label.Matches(labels.Set(newStep().Labels)))
		assert.Assert(t, !limits.Label.Matches(labels.Set{"app": "web"}))
		assert.Assert(t, !limits.Label.Matches(labels.Set{}))
	}
}

func TestAPodIsKeptForItsEventsAlone(t *testing.T) {
	pod := newStep(logsInstead, ended("app", 200, "not there"))
	ended("oras", 137, "InputsPulled: a:latest\n")(pod)
	ended("oras", 0, "")(pod)
	pod.ResourceVersion = "7"
	pod.ManagedFields = []metav1.ManagedFieldsEntry{{Manager: "kubelet"}}
	pod.Annotations = map[string]string{"long": "text"}
	pod.Spec.Containers[0].Env = []corev1.EnvVar{{Name: "PASSWORD", Value: "secret"}}
	pod.Status.Conditions = []corev1.PodCondition{{Type: corev1.PodReady}}
	want := eventsOf(pod)

	obj, err := slim(pod.DeepCopy())
	assert.NilError(t, err)
	slimmed := obj.(*corev1.Pod)
	assert.DeepEqual(t, eventsOf(slimmed), want)
	assert.Assert(t, is.Len(want, 2))
	assert.Equal(t, slimmed.ResourceVersion, "7")
	assert.DeepEqual(t, slimmed.Labels, pod.Labels)
	assert.Assert(t, is.Len(slimmed.ManagedFields, 0))
	assert.Assert(t, is.Len(slimmed.Annotations, 0))
	assert.Assert(t, is.Len(slimmed.Status.Conditions, 0))
	assert.DeepEqual(t, slimmed.Spec.Containers[0], corev1.Container{
		Name: "app", Command: []string{"/oras/bin/shim", "--"}, TerminationMessagePolicy: corev1.TerminationMessageFallbackToLogsOnError,
	})

	other, err := slim("no pod")
	assert.NilError(t, err)
	assert.Equal(t, other, any("no pod"))
}
