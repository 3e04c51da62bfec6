package inject

import (
	corev1 "k8s.io/api/core/v1"

	"github.com/converged-computing/oras-operator/pkg/plan"
)

// Options are the operator's own settings. All but ImagePullPolicy are required.
type Options struct {
	SidecarImage    string            // holds /shim and /sidecar
	ImagePullPolicy corev1.PullPolicy // of that image; empty: Kubernetes decides
	Registry        plan.Endpoint     // where the artifacts are
}

// Pod returns the pod, or pod template, as a step that follows the plan; the argument is left as it is. An injected pod
// comes back unchanged. One from which some of what was injected has been taken away again is injected anew.
//
// Warnings are sentences for the person who made the pod. The error joins one sentence for every reason why the pod
// cannot be a step, each naming the field or the key at fault and the remedy.
func Pod(pod corev1.PodTemplateSpec, p plan.Plan, opts Options) (corev1.PodTemplateSpec, []string, error) {
	if Injected(pod.Spec) {
		return pod, nil, nil
	}
	out, wrapped := strip(pod)
	if len(p.Containers) == 0 {
		p.Containers = wrapped
	}
	d, err := decide(&out, p, opts)
	if err != nil {
		return pod, nil, err
	}
	d.write(&out)
	return out, d.warnings, nil
}

// decision is everything that is to be done to one pod, settled before anything is written.
type decision struct {
	opts     Options
	plan     plan.Plan
	wrapped  []*corev1.Container // of the pod that is to be written to
	identity identity
	inputs   inputs
	outputs  outputs
	needs    corev1.ResourceRequirements // of each injected container
	grace    grace
	env      map[string][]corev1.EnvVar // by wrapped container
	warnings []string
}

func decide(pod *corev1.PodTemplateSpec, p plan.Plan, opts Options) (decision, error) {
	d := decision{opts: opts, plan: p}
	var ps problems
	ps.unsupported(pod.Spec)
	ps.collisions(pod.Spec)
	d.wrapped = chooseContainers(pod, p.Containers, &ps)
	ps.unwrappable(d.wrapped, pod.Spec.RestartPolicy, len(p.Outputs) > 0)
	d.identity = chooseIdentity(pod.Spec.SecurityContext, d.wrapped)
	d.inputs = placeInputs(p.Inputs, d.wrapped, pod.Spec.Volumes, d.identity.shared, &ps)
	d.outputs = placeOutputs(p.Outputs, d.wrapped, &ps)
	d.needs = chooseResources(pod.Spec)
	d.grace = chooseGrace(pod.Spec, p)
	d.env = d.environment(&ps)
	d.warnings = append(d.inputs.warnings, probeWarnings(d)...)
	return d, ps.err()
}

func (d decision) write(pod *corev1.PodTemplateSpec) {
	d.writeMetadata(&pod.ObjectMeta)
	d.writeVolumes(&pod.Spec)
	d.writeInitContainers(&pod.Spec)
	for _, c := range d.wrapped {
		d.wrap(c)
	}
	d.grace.write(&pod.Spec)
	raiseResources(pod.Spec.Resources, d.needs.Requests)
}
