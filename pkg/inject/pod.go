package inject

import (
	corev1 "k8s.io/api/core/v1"

	"github.com/converged-computing/oras-operator/pkg/plan"
)

// Options are the operator's own settings. SidecarImage and Registry are required.
type Options struct {
	SidecarImage string        // holds /shim and /sidecar
	Registry     plan.Endpoint // where the artifacts are
	Namespace    string        // that the pod will be in; empty: left to be filled in there
	Several      bool          // more than one pod will be made of this template, and they may need outputs of their own

	AssignedUsers bool   // the cluster assigns users to pods that name none, and may refuse others
	Bounds        Bounds // of the namespace

	Images map[string]ImageCommand // what the images run that [WantedImages] lists, by name

	Explain func(Choice) // is told of every decision; nil: nobody is
}

// Pod returns the pod, or pod template, as a step that follows the plan; the argument is left as it is. An injected pod
// comes back unchanged, and so does a [Bystander]. One from which some of what was injected has been taken away again is
// injected anew.
//
// Warnings are sentences for the person who made the pod. The error joins one sentence for every reason why the pod
// cannot be a step, each naming the field or the key at fault and the remedy.
func Pod(pod corev1.PodTemplateSpec, p plan.Plan, opts Options) (corev1.PodTemplateSpec, []string, error) {
	if Injected(pod.Spec) {
		return pod, nil, nil
	}
	if Bystander(pod, p) {
		return pod, []string{bystanderWarning(pod, p)}, nil
	}
	out, chosen := strip(pod)
	if len(p.Containers) == 0 {
		p.Containers = chosen
	}
	d, err := decide(&out, p, opts)
	if err != nil {
		return pod, nil, err
	}
	if opts.Explain != nil {
		for _, choice := range d.explain(out) {
			opts.Explain(choice)
		}
	}
	d.write(&out)
	return out, d.warnings, nil
}

// decision is everything that is to be done to one pod, settled before anything is written.
type decision struct {
	opts          Options
	plan          plan.Plan
	chosen        []*corev1.Container  // of the pod that is to be written to
	restartPolicy corev1.RestartPolicy // of the pod; may be empty
	unwrapped     bool                 // there is no shim
	gated         bool                 // an init container waits for the inputs
	identity      identity
	mounts        sidecarMounts
	inputs        inputs
	outputs       outputs
	guaranteed    bool                        // the pod is of that quality of service, and stays so
	needs         corev1.ResourceRequirements // of each injected container but the sidecar
	sidecarNeeds  corev1.ResourceRequirements
	grace         grace
	env           map[string][]corev1.EnvVar // by chosen container
	warnings      []string
}

func decide(pod *corev1.PodTemplateSpec, p plan.Plan, opts Options) (*decision, error) {
	d := &decision{opts: opts, restartPolicy: pod.Spec.RestartPolicy}
	var ps problems
	ps.unsupported(pod.Spec)
	ps.unresolvable(pod.Spec, opts.Registry.Host)
	ps.collisions(pod.Spec)
	d.chosen = chooseContainers(pod, p.Containers, &ps)
	d.plan = d.fill(p, &ps)
	d.unwrapped = runsUnwrapped(d.plan, d.chosen)
	d.identity = chooseIdentity(pod.Spec.SecurityContext, d.chosen, opts.AssignedUsers)
	d.inputs = d.placeInputs(pod.Spec.Volumes, &ps)
	d.outputs = d.placeOutputs(pod.Spec.Volumes, &ps)
	d.gated = d.needsGate(pod.Spec)
	d.allot(pod.Spec, &ps)
	d.grace = chooseGrace(pod.Spec, d.plan)
	d.env = d.environment(&ps)
	d.check(pod.Spec, &ps)
	d.warnings = d.warn(pod.Spec)
	return d, ps.err()
}

func (d *decision) write(pod *corev1.PodTemplateSpec) {
	d.writeMetadata(&pod.ObjectMeta)
	d.writeVolumes(&pod.Spec)
	d.writeInitContainers(&pod.Spec)
	for _, c := range d.chosen {
		if !d.unwrapped {
			d.wrap(c)
		}
		d.equip(c)
	}
	d.grace.write(&pod.Spec)
	makeRoom(pod.Spec.Resources, d.needs, d.gated)
}
