package inject

import (
	"fmt"
	"slices"
	"strings"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/utils/ptr"

	"github.com/converged-computing/oras-operator/pkg/apis/v1alpha1"
	"github.com/converged-computing/oras-operator/pkg/handoff"
)

// Choice is one decision about a pod, for people.
type Choice struct {
	About string // what is decided: container app, input-uri_1
	What  string // how
	Why   string
}

// explain lists every decision about the pod, which is as it was before.
func (d *decision) explain(pod corev1.PodTemplateSpec) []Choice {
	return slices.Concat(
		d.explainRegistry(), d.explainContainers(pod), d.explainInputs(), d.explainOutputs(), d.explainStart(pod.Spec), d.explainSidecar(), d.explainEnd(pod.Spec),
	)
}

func (d *decision) explainRegistry() []Choice {
	what := d.opts.Registry.Host + " over HTTPS"
	if d.opts.Registry.PlainHTTP {
		what = d.opts.Registry.Host + " over HTTP"
	}
	why := fmt.Sprintf("%s is %q", v1alpha1.KeyCache, d.plan.Cache)
	if d.plan.Registry != "" {
		why = fmt.Sprintf("%s is %q", v1alpha1.KeyRegistry, d.plan.Registry)
	}
	choices := []Choice{{"registry", what, why}}
	switch d.login() {
	case byToken:
		choices = append(choices, Choice{"access", "a token of the pod's ServiceAccount", "the OrasCache takes those for " + d.opts.Registry.Audience})
	case byConfig:
		choices = append(choices, Choice{"access", "Secret " + d.plan.Credentials, v1alpha1.KeyCredentials + " names it"})
	case byEnv:
		choices = append(choices, Choice{"access", "Secret " + d.plan.OrasEnv, v1alpha1.KeyOrasEnv + " names it"})
	}
	return choices
}

func (d *decision) explainContainers(pod corev1.PodTemplateSpec) []Choice {
	var choices []Choice
	for _, c := range pod.Spec.Containers {
		chosen := slices.Contains(namesOf(d.chosen), c.Name)
		choice := Choice{"container " + c.Name, "left alone", "it is not one of the step's"}
		switch {
		case chosen && d.unwrapped:
			choice.What, choice.Why = "not wrapped", "nothing needs a shim, and what it runs is known to its image alone"
			if d.plan.Wrap != "" {
				choice.Why = fmt.Sprintf("%s is %s", v1alpha1.KeyWrap, d.plan.Wrap)
			}
		case chosen:
			choice.What, choice.Why = "wrapped by the shim", d.chosenBecause(pod, c)
		}
		choices = append(choices, choice)
		if _, n := d.commandOf(c); chosen && !d.unwrapped && n > 0 {
			choices = append(choices, Choice{"command of " + c.Name, fmt.Sprintf("%q, of image %s", strings.Join(slices.Concat(d.opts.Images[c.Image].Entrypoint, d.opts.Images[c.Image].Cmd), " "), c.Image), "the container names none"})
		}
	}
	return choices
}

func (d *decision) chosenBecause(pod corev1.PodTemplateSpec, c corev1.Container) string {
	switch {
	case len(d.plan.Containers) > 0:
		return fmt.Sprintf("%s names it", v1alpha1.KeyContainer)
	case pod.Annotations[defaultContainer] == c.Name && len(pod.Spec.Containers) > 1:
		return defaultContainer + " names it"
	}
	return "it is the only container"
}

func (d *decision) explainInputs() []Choice {
	var choices []Choice
	for i, in := range d.inputs.steps {
		wanted := d.plan.Inputs[i]
		choice := Choice{wanted.Key, fmt.Sprintf("%s to %s", in.Artifact, orWorkingDirectory(in.Path)), "the shim writes it there, as whoever the command runs as"}
		if in.Mount != "" {
			choice.Why = "on a volume of the pod's own, which the sidecar fills"
			if j := slices.IndexFunc(d.inputs.appMounts, func(m corev1.VolumeMount) bool { return strings.HasPrefix(in.Path, m.MountPath) }); j >= 0 {
				choice.Why = fmt.Sprintf("no volume of the pod is there, so an emptyDir is mounted at %s, which the sidecar fills", d.inputs.appMounts[j].MountPath)
			}
		}
		choices = append(choices, choice)
	}
	return choices
}

func orWorkingDirectory(path string) string {
	if path == "" {
		return "the working directory"
	}
	return path
}

func (d *decision) explainOutputs() []Choice {
	var choices []Choice
	for _, out := range d.outputs {
		why := "the shim lends the files, wherever they are"
		switch {
		case d.unwrapped:
			why = "the sidecar has the volume; without a shim the outcome of the command is not known"
		case out.Mount != "":
			why = "the shim lends the files; the sidecar has the volume too, for when the shim is killed"
		}
		on := string(out.On)
		if on == "" {
			on = string(handoff.OnSuccess)
		}
		choices = append(choices, Choice{"output " + out.Artifact, fmt.Sprintf("from %s of container %s, on %s", out.Path, out.Container, on), why})
	}
	return choices
}

func (d *decision) explainStart(spec corev1.PodSpec) []Choice {
	if len(d.inputs.steps) == 0 {
		return nil
	}
	switch {
	case d.gated && d.unwrapped:
		return []Choice{{"start", "init container " + gateName + " waits for the inputs", "there is no shim to wait"}}
	case d.gated && d.othersSeeInputs(spec):
		return []Choice{{"start", "init container " + gateName + " waits for the inputs", "a container without a shim has the volume of an input"}}
	case d.gated:
		return []Choice{{"start", "init container " + gateName + " waits for the inputs", "Kubernetes probes the container, or runs a hook in it, as soon as it runs"}}
	case meshProxy(spec) != "":
		return []Choice{{"start", "the shim waits for the inputs", fmt.Sprintf("there is no network before container %s runs", meshProxy(spec))}}
	}
	return []Choice{{"start", "the shim waits for the inputs", "the image of the container is pulled meanwhile"}}
}

func (d *decision) explainSidecar() []Choice {
	who := Choice{"user of the sidecar", "the pod's", "the cluster assigns one"}
	if d.identity.user != nil {
		who.What, who.Why = fmt.Sprint(*d.identity.user), "the step's containers have it in common"
	}
	if ptr.Equal(d.identity.user, ptr.To[int64](nobody)) {
		who.Why = "the pod names no user but root"
	}
	memory := d.sidecarNeeds.Limits[corev1.ResourceMemory]
	base := d.needs.Limits[corev1.ResourceMemory]
	much := Choice{"resources of the sidecar", fmt.Sprintf("requests %s, limits %s", amounts(d.sidecarNeeds.Requests), amounts(d.sidecarNeeds.Limits)), "the default"}
	switch {
	case memory.Cmp(base) > 0:
		much.Why = "it fills volumes in memory, which counts as its own"
	case d.plan.SidecarCPU.Request != nil || d.plan.SidecarMem.Request != nil:
		much.Why = "the keys say so"
	case d.guaranteed:
		much.Why = "the pod is Guaranteed, and stays so"
	}
	return []Choice{who, much}
}

func amounts(list corev1.ResourceList) string {
	var parts []string
	for _, name := range []corev1.ResourceName{corev1.ResourceCPU, corev1.ResourceMemory} {
		if q, ok := list[name]; ok {
			parts = append(parts, fmt.Sprintf("%s %s", name, q.String()))
		}
	}
	return strings.Join(parts, " ")
}

func (d *decision) explainEnd(spec corev1.PodSpec) []Choice {
	if len(d.outputs) == 0 {
		return nil
	}
	end := Choice{"grace period", fmt.Sprintf("%s, as it is", d.grace.own), "it is as long as pushing may take"}
	if d.grace.raised > 0 {
		end = Choice{"grace period", fmt.Sprintf("%s instead of %s", d.grace.raised, d.grace.own), "pushing may take so long; the command is killed after what it had"}
	}
	choices := []Choice{end}
	if spec.RestartPolicy == corev1.RestartPolicyNever && !d.unwrapped {
		choices = append(choices, Choice{
			"suggestion", fmt.Sprintf("a podFailurePolicy of the Job that fails it on exit codes %d and %d", handoff.ExitRefused, handoff.ExitConfig),
			"else all is computed again, up to backoffLimit times, for an output that is refused each time",
		})
	}
	return choices
}
