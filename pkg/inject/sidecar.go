package inject

import (
	"slices"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/utils/ptr"

	"github.com/converged-computing/oras-operator/pkg/handoff"
)

// writeInitContainers puts the injected containers before the user's init containers, but after what a service mesh
// needs to have started: then there is a network before the sidecar starts, and still one while it is being stopped.
func (d *decision) writeInitContainers(spec *corev1.PodSpec) {
	var injected []corev1.Container
	if !d.unwrapped {
		injected = append(injected, d.installer())
	}
	injected = append(injected, d.sidecar())
	if d.gated {
		injected = append(injected, d.gate())
	}
	mountAPIToken(injected, *spec)
	spec.InitContainers = slices.Insert(spec.InitContainers, meshEnd(spec.InitContainers), injected...)
}

// meshEnd counts the leading init containers that are native sidecars or set up the network of a known service mesh.
func meshEnd(containers []corev1.Container) int {
	setup := []string{"istio-init", "istio-validation", "linkerd-init", "linkerd-network-validator", "kuma-init", "kuma-validation"}
	end := 0
	for i, c := range containers {
		if isNative(c) {
			end = i + 1
		} else if !slices.Contains(setup, c.Name) {
			break
		}
	}
	return end
}

// installer copies the shim into its volume and makes the directories of the hand-off.
func (d *decision) installer() corev1.Container {
	c := d.container(shimName, shimCommand())
	for _, w := range d.chosen {
		c.Command = append(c.Command, "--container="+w.Name)
	}
	c.VolumeMounts = []corev1.VolumeMount{
		{Name: binVolume, MountPath: handoff.BinDir},
		{Name: runVolume, MountPath: string(handoff.DefaultDir)},
	}
	return c
}

// sidecar pulls and pushes for as long as the pod lives.
func (d *decision) sidecar() corev1.Container {
	c := d.container(sidecarName, append(sidecarCommand(), d.step().Args()...))
	c.Resources = *d.sidecarNeeds.DeepCopy()
	c.RestartPolicy = ptr.To(corev1.ContainerRestartPolicyAlways)
	c.Env = []corev1.EnvVar{
		fieldEnv("ORAS_NAMESPACE", "metadata.namespace"),
		fieldEnv("ORAS_POD", "metadata.name"),
		fieldEnv("ORAS_JOB", "metadata.labels['batch.kubernetes.io/job-name']"),
		fieldEnv("ORAS_INDEX", "metadata.annotations['batch.kubernetes.io/job-completion-index']"),
	}
	c.VolumeMounts = append([]corev1.VolumeMount{{Name: runVolume, MountPath: string(handoff.DefaultDir)}}, d.mounts...)
	for _, h := range d.access() {
		c.VolumeMounts = append(c.VolumeMounts, corev1.VolumeMount{Name: h.volume.Name, MountPath: h.dir, ReadOnly: true})
	}
	return c
}

// step is the sidecar's task. The kubelet expands the pod's identity when the sidecar starts, to nothing where there is no
// such label or annotation; paths, the only text here that may hold a $, are escaped.
func (d *decision) step() handoff.Step {
	step := handoff.Step{
		RunDir:      handoff.DefaultDir,
		Registry:    d.opts.Registry.Host,
		PlainHTTP:   d.opts.Registry.PlainHTTP,
		Containers:  namesOf(d.chosen),
		Inputs:      d.inputs.steps,
		PullTimeout: d.plan.PullTimeout,
		PushTimeout: d.plan.PushTimeout,
		Archives:    d.plan.Archives,
		Compression: d.plan.Compression,
		Pod:         handoff.PodIdentity{Namespace: "$(ORAS_NAMESPACE)", Name: "$(ORAS_POD)", Job: "$(ORAS_JOB)", Index: "$(ORAS_INDEX)"},
		Unwrapped:   d.unwrapped,
		Gated:       d.gated,
		Debug:       d.plan.Debug,
	}
	d.writeAccess(&step)
	for _, out := range d.outputs {
		out.Path = escape(out.Path)
		step.Outputs = append(step.Outputs, out)
	}
	return step
}

func (d *decision) container(name string, command []string) corev1.Container {
	return corev1.Container{
		Name:                     name,
		Image:                    d.opts.SidecarImage,
		Command:                  command,
		Resources:                *d.needs.DeepCopy(),
		SecurityContext:          d.identity.securityContext(),
		TerminationMessagePolicy: corev1.TerminationMessageFallbackToLogsOnError,
	}
}

func fieldEnv(name, field string) corev1.EnvVar {
	return corev1.EnvVar{Name: name, ValueFrom: &corev1.EnvVarSource{FieldRef: &corev1.ObjectFieldSelector{FieldPath: field}}}
}
