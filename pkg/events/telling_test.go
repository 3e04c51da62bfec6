package events

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"gotest.tools/v3/assert"
	is "gotest.tools/v3/assert/cmp"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/util/validation"

	"github.com/converged-computing/oras-operator/pkg/apis/v1alpha1"
	"github.com/converged-computing/oras-operator/pkg/inject"
	"github.com/converged-computing/oras-operator/pkg/plan"
)

// testEnd is when the containers of these tests ended.
func testEnd() time.Time { return time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC) }

// newStep is an injected pod with a sidecar, a wrapped container app and one that is not wrapped, none of which has
// ended.
func newStep(changes ...func(*corev1.Pod)) *corev1.Pod {
	pod := &corev1.Pod{
		ObjectMeta: metav1.ObjectMeta{
			Namespace: "flow", Name: "simulate-x7k2p", UID: "the-uid", Labels: map[string]string{v1alpha1.InjectedLabel: "true"},
		},
		Spec: corev1.PodSpec{
			InitContainers: []corev1.Container{
				{Name: "oras-shim", Command: []string{"/shim", "install"}},
				{Name: "oras", Command: []string{"/sidecar", "run"}},
				{Name: "oras-gate", Command: []string{"/sidecar", "gate"}},
			},
			Containers: []corev1.Container{
				{Name: "app", Command: []string{"/oras/bin/shim", "--", "simulate"}},
				{Name: "neighbour", Command: []string{"log"}},
			},
		},
	}
	for _, change := range changes {
		change(pod)
	}
	return pod
}

// ended says that the container, started again if it had ended, has ended so.
func ended(name string, code int32, message string) func(*corev1.Pod) {
	return func(pod *corev1.Pod) {
		running(name)(pod)
		status := statusOf(pod, name)
		status.State = corev1.ContainerState{Terminated: &corev1.ContainerStateTerminated{
			ExitCode:    code,
			Message:     message,
			FinishedAt:  metav1.NewTime(testEnd()),
			ContainerID: fmt.Sprintf("containerd://%s-%d", name, status.RestartCount),
		}}
	}
}

// running says that the container runs, again if it had ended.
func running(name string) func(*corev1.Pod) {
	return func(pod *corev1.Pod) {
		status := statusOf(pod, name)
		if status.State.Terminated != nil {
			status.LastTerminationState = status.State
			status.RestartCount++
		}
		status.State = corev1.ContainerState{Running: &corev1.ContainerStateRunning{}}
	}
}

// statusOf is the container's status in pod, which has one from then on.
func statusOf(pod *corev1.Pod, name string) *corev1.ContainerStatus {
	list := &pod.Status.ContainerStatuses
	if slices.ContainsFunc(pod.Spec.InitContainers, func(c corev1.Container) bool { return c.Name == name }) {
		list = &pod.Status.InitContainerStatuses
	}
	i := slices.IndexFunc(*list, func(s corev1.ContainerStatus) bool { return s.Name == name })
	if i < 0 {
		i = len(*list)
		*list = append(*list, corev1.ContainerStatus{Name: name})
	}
	return &(*list)[i]
}

// logsInstead gives containers what the kubelet finds in their logs for a termination message.
func logsInstead(pod *corev1.Pod) {
	for i := range pod.Spec.Containers {
		pod.Spec.Containers[i].TerminationMessagePolicy = corev1.TerminationMessageFallbackToLogsOnError
	}
}

func TestWhatIsToldOfAPod(t *testing.T) {
	const pulled = "InputsPulled: 2 artifacts, 3 files\n"
	const pushed = "OutputPushed: oras:5000/simulate:latest@sha256:01\n"
	tests := map[string]struct {
		pod  *corev1.Pod
		want []string
	}{
		"nothing while all of it runs": {
			pod: newStep(running("oras"), running("app")),
		},
		"the notices of the sidecar, once it has ended, in the order in which they were left": {
			pod: newStep(ended("app", 0, ""), ended("oras", 0, pushed+pulled)),
			want: []string{
				"Normal InputsPulled: 2 artifacts, 3 files",
				"Normal OutputPushed: oras:5000/simulate:latest@sha256:01",
			},
		},
		"what went not so well is a warning": {
			pod: newStep(ended("oras", 0, "OutputUnwrapped: c\nOutputIncomplete: b\nOutputPushFailed: a\nInputPullFailed: z\n")),
			want: []string{
				"Warning InputPullFailed: z", "Warning OutputPushFailed: a", "Warning OutputIncomplete: b", "Warning OutputUnwrapped: c",
			},
		},
		"the notices of a sidecar that was killed and started again": {
			pod:  newStep(ended("oras", 137, pulled), running("oras")),
			want: []string{"Normal InputsPulled: 2 artifacts, 3 files"},
		},
		"the notices of both": {
			pod: newStep(ended("oras", 137, pulled), ended("oras", 0, pushed)),
			want: []string{
				"Normal InputsPulled: 2 artifacts, 3 files",
				"Normal OutputPushed: oras:5000/simulate:latest@sha256:01",
			},
		},
		"nothing of a sidecar whose message is the end of its log": {
			pod: newStep(ended("oras", 1, "time=2026 level=ERROR msg=\"the volume cannot be used\"\n")),
		},
		"nothing of notices that another container imitates": {
			pod: newStep(ended("app", 0, pushed), ended("neighbour", 0, pushed)),
		},
		"E3 inputs that could not be had": {
			pod:  newStep(ended("app", 200, "input a:latest is not in registry oras:5000")),
			want: []string{"Warning InputPullFailed: container app: input a:latest is not in registry oras:5000"},
		},
		"a shim that another webhook's launcher starts": {
			pod: newStep(ended("app", 200, "input a:latest is not there"), func(pod *corev1.Pod) {
				app := &pod.Spec.Containers[0]
				app.Command, app.Args = []string{"/vault/vault-env", "--"}, app.Command
			}),
			want: []string{"Warning InputPullFailed: container app: input a:latest is not there"},
		},
		"outputs that were given up": {
			pod:  newStep(ended("app", 201, "output a: gave up after 1h")),
			want: []string{"Warning OutputPushFailed: container app: output a: gave up after 1h"},
		},
		"outputs that were refused": {
			pod:  newStep(ended("app", 202, "output a: quota exceeded")),
			want: []string{"Warning OutputPushFailed: container app: output a: quota exceeded"},
		},
		"a sidecar that is gone": {
			pod:  newStep(ended("app", 203, "The sidecar is gone.")),
			want: []string{"Warning HandoffFailed: container app: The sidecar is gone."},
		},
		"a wrong configuration": {
			pod:  newStep(ended("app", 204, "Wrong flags of the shim: x.")),
			want: []string{"Warning HandoffFailed: container app: Wrong flags of the shim: x."},
		},
		"inputs that the gate could not have": {
			pod:  newStep(ended("oras-gate", 200, "input a:latest is not in registry oras:5000")),
			want: []string{"Warning InputPullFailed: container oras-gate: input a:latest is not in registry oras:5000"},
		},
		"what a container has said is not said again by the sidecar": {
			pod: newStep(
				ended("oras", 0, "OutputPushFailed: output b: quota exceeded\nOutputPushFailed: output a: quota exceeded\n"),
				ended("app", 202, "output a: quota exceeded"),
			),
			want: []string{
				"Warning OutputPushFailed: container app: output a: quota exceeded",
				"Warning OutputPushFailed: output b: quota exceeded",
			},
		},
		"E46 both attempts that failed": {
			pod: newStep(ended("app", 201, "gave up after 10s"), ended("app", 201, "gave up after 10s")),
			want: []string{
				"Warning OutputPushFailed: container app: gave up after 10s",
				"Warning OutputPushFailed: container app: gave up after 10s",
			},
		},
		"E46 an attempt that failed before the one that runs": {
			pod:  newStep(ended("app", 201, "gave up after 10s"), running("app")),
			want: []string{"Warning OutputPushFailed: container app: gave up after 10s"},
		},
		"E28 nothing of a command that itself exits 200": {
			pod: newStep(ended("app", 200, "")),
		},
		"E28 nothing of one whose termination message is the end of its log": {
			pod: newStep(logsInstead, ended("app", 200, "Starting.\nDone.\n")),
		},
		"E3 a sentence where the end of the log could stand": {
			pod:  newStep(logsInstead, ended("app", 200, "input a:latest is not there")),
			want: []string{"Warning InputPullFailed: container app: input a:latest is not there"},
		},
		"E45 nothing of a container that is not wrapped": {
			pod: newStep(ended("neighbour", 200, "two hundred")),
		},
		"E33 nothing of a command that failed": {
			pod: newStep(ended("app", 1, "my own message")),
		},
		"nothing of a status without its container": {
			pod: newStep(ended("app", 200, "x"), func(pod *corev1.Pod) { pod.Spec.Containers = nil }),
		},
	}
	for name, tc := range tests {
		t.Run(name, func(t *testing.T) {
			var got []string
			for _, event := range eventsOf(tc.pod) {
				got = append(got, event.Type+" "+event.Reason+": "+event.Message)
			}
			assert.DeepEqual(t, got, tc.want)
		})
	}
}

// An attempt is told of once, whether it is the latest one or the one before it.
func TestE46AnAttemptKeepsItsEventWhenTheNextOneStarts(t *testing.T) {
	fail := ended("app", 201, "gave up after 10s")
	pod := newStep(fail)
	first := eventNames(pod)
	running("app")(pod)
	assert.DeepEqual(t, eventNames(pod), first)
	fail(pod)
	both := eventNames(pod)
	assert.Assert(t, is.Len(both, 2))
	assert.Equal(t, both[0], first[0])
	assert.Assert(t, both[1] != first[0])
}

func TestAnEventIsFoundByItsPod(t *testing.T) {
	events := eventsOf(newStep(ended("app", 200, "input a:latest is not there")))
	assert.Assert(t, is.Len(events, 1))
	event := events[0]
	assert.Equal(t, event.Namespace, "flow")
	assert.Assert(t, is.Regexp(`^simulate-x7k2p\.[0-9a-f]{16}$`, event.Name))
	assert.DeepEqual(t, event.InvolvedObject, corev1.ObjectReference{
		APIVersion: "v1", Kind: "Pod", Namespace: "flow", Name: "simulate-x7k2p", UID: "the-uid",
	})
	assert.Equal(t, event.Source.Component, "oras-operator")
	assert.Assert(t, event.FirstTimestamp.Time.Equal(testEnd()))
	assert.Assert(t, event.LastTimestamp.Time.Equal(testEnd()))
	assert.Equal(t, event.Count, int32(1))
}

func TestEveryEventHasAValidNameOfItsOwn(t *testing.T) {
	failed := ended("app", 200, "input a:latest is not there")
	tests := map[string]*corev1.Pod{
		"a pod":                  newStep(failed),
		"a pod of the same name": newStep(failed, func(p *corev1.Pod) { p.UID = "another" }),
		"another sentence":       newStep(ended("app", 200, "input b:latest is not there")),
		"another reason":         newStep(ended("app", 201, "input a:latest is not there")),
		"another container":      newStep(ended("oras-gate", 200, "input a:latest is not there")),
		"another run":            newStep(ended("app", 0, ""), failed),
		"a run that has no ID":   newStep(failed, func(p *corev1.Pod) { terminated(p).ContainerID = "" }),
		"another one, at another time": newStep(failed, func(p *corev1.Pod) {
			terminated(p).ContainerID = ""
			terminated(p).FinishedAt = metav1.NewTime(testEnd().Add(time.Second))
		}),
		"the longest name":                       newStep(failed, func(p *corev1.Pod) { p.Name = strings.Repeat("x", 253) }),
		"a long name with a dot where it is cut": newStep(failed, func(p *corev1.Pod) { p.Name = strings.Repeat("x", 235) + ".yy" }),
	}
	seen := map[string]string{}
	for name, pod := range tests {
		names := eventNames(pod)
		assert.Assert(t, is.Len(names, 1), name)
		assert.Assert(t, is.Len(validation.IsDNS1123Subdomain(names[0]), 0), "%s: %s", name, names[0])
		assert.Equal(t, seen[names[0]], "", "the name of %s", name)
		seen[names[0]] = name
	}
}

func terminated(pod *corev1.Pod) *corev1.ContainerStateTerminated {
	return pod.Status.ContainerStatuses[0].State.Terminated
}

// The names and commands that Events are made by are those that the injector writes.
func TestAnInjectedPodIsToldOf(t *testing.T) {
	asked := plan.Plan{
		Inputs:      []plan.Input{{Key: "input-uri", Artifact: "a:latest", Path: "/data"}},
		PullTimeout: time.Hour, PushTimeout: time.Hour,
	}
	template := corev1.PodTemplateSpec{Spec: corev1.PodSpec{
		RestartPolicy: corev1.RestartPolicyNever,
		Containers:    []corev1.Container{{Name: "app", Image: "app", Command: []string{"simulate"}}},
	}}
	injected, _, err := inject.Pod(template, asked, inject.Options{
		SidecarImage: "sidecar", Registry: plan.Endpoint{Host: "oras:5000", PlainHTTP: true},
	})
	assert.NilError(t, err)
	pod := &corev1.Pod{ObjectMeta: injected.ObjectMeta, Spec: injected.Spec}
	assert.Assert(t, is.Len(eventsOf(pod), 0))

	assert.Equal(t, pod.Labels[v1alpha1.InjectedLabel], "true")
	for _, c := range pod.Spec.InitContainers {
		if c.RestartPolicy != nil {
			ended(c.Name, 0, "InputsPulled: a:latest\n")(pod)
		}
	}
	ended("app", 203, "The sidecar is gone.")(pod)
	assert.Assert(t, is.Len(eventsOf(pod), 2))
}
