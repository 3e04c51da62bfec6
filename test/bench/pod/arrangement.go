package main

import (
	"slices"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/utils/ptr"

	"github.com/converged-computing/oras-operator/pkg/apis/v1alpha1"
	"github.com/converged-computing/oras-operator/pkg/handoff"
	"github.com/converged-computing/oras-operator/pkg/inject"
	"github.com/converged-computing/oras-operator/pkg/plan"
	"github.com/converged-computing/oras-operator/test/harness"
)

// arrangement is one way to put the injected containers into a pod.
type arrangement struct {
	name   string
	plan   string // what the step does: input-uri and output-uri, only output-uri, input-wait for what never comes, or nothing: a bare pod
	change func(*corev1.PodSpec)
}

// arrangements starts with the bare Job, and goes on with what the operator does.
func arrangements() []arrangement {
	const both = "input-uri"
	return []arrangement{
		{name: "bare", change: unchanged},
		{name: "injected: the shim's init container, then the sidecar", plan: both, change: unchanged},
		{name: "the sidecar, then the shim's init container", plan: both, change: sidecarFirst},
		{name: "the sidecar installs the shim in a postStart hook", plan: both, change: postStart},
	}
}

func unchanged(*corev1.PodSpec) {}

func sidecarFirst(spec *corev1.PodSpec) { slices.Reverse(spec.InitContainers) }

func postStart(spec *corev1.PodSpec) {
	installer, sidecar := spec.InitContainers[0], &spec.InitContainers[1]
	sidecar.VolumeMounts = append(sidecar.VolumeMounts, corev1.VolumeMount{Name: "oras-bin", MountPath: handoff.BinDir})
	sidecar.Lifecycle = &corev1.Lifecycle{PostStart: &corev1.LifecycleHandler{Exec: &corev1.ExecAction{Command: installer.Command}}}
	spec.InitContainers = spec.InitContainers[1:]
}

// template is a pod that takes and makes a small file, in the given arrangement. It carries no keys, so that no webhook
// arranges it again.
func (b *bench) template(a arrangement) (corev1.PodTemplateSpec, error) {
	pod := corev1.PodTemplateSpec{Spec: corev1.PodSpec{
		RestartPolicy: corev1.RestartPolicyNever,
		Containers: []corev1.Container{{
			Name: "app", Image: harness.AppImage, ImagePullPolicy: corev1.PullIfNotPresent,
			Command: []string{"/app"}, Args: []string{"identity"},
		}},
	}}
	if a.plan == "" {
		a.change(&pod.Spec)
		return pod, nil
	}
	keys := map[string]string{v1alpha1.KeyPrefix + v1alpha1.KeyOutputURI: "out", v1alpha1.KeyPrefix + v1alpha1.KeyCache: "oras"}
	pod.Spec.Containers[0].Args = []string{"write", "$ORAS_OUTPUT_PATH/file", "small"}
	switch a.plan {
	case v1alpha1.KeyInputURI:
		keys[v1alpha1.KeyPrefix+v1alpha1.KeyInputURI] = "out"
		keys[v1alpha1.KeyPrefix+v1alpha1.KeyInputPath] = "/data"
		keys[v1alpha1.KeyPrefix+v1alpha1.KeyOutputURI] = "made"
	case v1alpha1.KeyInputWait:
		keys[v1alpha1.KeyPrefix+v1alpha1.KeyInputURI] = "never"
		keys[v1alpha1.KeyPrefix+v1alpha1.KeyInputPath] = "/data"
		keys[v1alpha1.KeyPrefix+v1alpha1.KeyInputWait] = "1h"
		keys[v1alpha1.KeyPrefix+v1alpha1.KeyDebug] = "true"
	}
	p, _, err := plan.Parse(plan.Metadata{Annotations: keys})
	if err != nil {
		return pod, err
	}
	injected, _, err := inject.Pod(pod, p, inject.Options{
		SidecarImage: b.sidecar, Namespace: b.namespace,
		Registry: plan.Endpoint{Host: v1alpha1.Endpoint(b.namespace, "oras"), PlainHTTP: true},
	})
	if err != nil {
		return pod, err
	}
	injected.ObjectMeta = metav1.ObjectMeta{}
	injected.Spec.TerminationGracePeriodSeconds = ptr.To[int64](30)
	a.change(&injected.Spec)
	return injected, nil
}
