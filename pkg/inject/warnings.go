package inject

import (
	"fmt"
	"slices"
	"strings"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/utils/ptr"

	"github.com/converged-computing/oras-operator/pkg/handoff"
	"github.com/converged-computing/oras-operator/pkg/placeholder"
)

// warn lists what is allowed and yet may not be what was meant.
func (d *decision) warn(spec corev1.PodSpec) []string {
	return slices.Concat(d.inputs.warnings, d.ownerWarnings(spec), d.restartWarnings(), d.probeWarnings(), d.terminalWarnings(), d.unwrappedWarnings(), d.sharedWarnings(), d.accessWarnings())
}

// ownerWarnings tells of volumes whose storage may belong to root alone, in a pod that does not say whose they shall be.
func (d *decision) ownerWarnings(spec corev1.PodSpec) []string {
	if !ptr.Equal(d.identity.user, ptr.To[int64](nobody)) || spec.SecurityContext != nil && spec.SecurityContext.FSGroup != nil {
		return nil
	}
	var warnings []string
	for _, v := range spec.Volumes {
		if v.EmptyDir == nil && slices.Contains(d.inputs.filled, v.Name) {
			warnings = append(warnings, fmt.Sprintf("volume %q takes an input, which the sidecar writes as user %d: where its storage belongs to root, it cannot; set spec.securityContext.fsGroup, such as to %d",
				v.Name, nobody, nobody))
		}
	}
	return warnings
}

// restartWarnings tells of commands that run again once they have done what is wanted of them.
func (d *decision) restartWarnings() []string {
	var warnings []string
	for _, c := range d.chosen {
		if len(d.outputs.of(c.Name)) == 0 || restartPolicy(*c, d.restartPolicy) != corev1.RestartPolicyAlways {
			continue
		}
		how := "its outputs are pushed anew each time"
		if d.unwrapped {
			how = "its outputs are pushed once the pod is deleted"
		}
		warnings = append(warnings, fmt.Sprintf("container %q is started again whenever it ends (restartPolicy Always), and %s; set spec.restartPolicy to Never or OnFailure for a step that runs once", c.Name, how))
	}
	return warnings
}

// probeWarnings tells of what Kubernetes does to a container while its command still waits for inputs, where no gate has
// waited for them: there is none, or the shim writes them.
func (d *decision) probeWarnings() []string {
	throughShim := slices.ContainsFunc(d.inputs.steps, func(in handoff.Input) bool { return in.Mount == "" })
	if len(d.inputs.steps) == 0 || d.gated && !throughShim {
		return nil
	}
	var warnings []string
	for _, c := range d.chosen {
		if c.LivenessProbe != nil || c.StartupProbe != nil {
			warnings = append(warnings, fmt.Sprintf("container %q is probed while its inputs are pulled; let its startupProbe allow for that time, or the container is restarted", c.Name))
		}
		if hasPostStart(c.Lifecycle) {
			warnings = append(warnings, fmt.Sprintf("container %q has a postStart hook, which runs before its inputs are there", c.Name))
		}
	}
	return warnings
}

func hasPostStart(l *corev1.Lifecycle) bool { return l != nil && l.PostStart != nil }

// terminalWarnings tells of commands that do not find the terminal they were given.
func (d *decision) terminalWarnings() []string {
	if d.plan.OutputPipe == "" && !sets(d.plan.ShimFlags, flagName(stdoutFlag)) {
		return nil
	}
	var warnings []string
	for _, c := range d.chosen {
		if c.TTY {
			warnings = append(warnings, fmt.Sprintf("container %q has a terminal (tty), and its command does not see it on its standard output, which goes to a file too", c.Name))
		}
	}
	return warnings
}

// unwrappedWarnings tells of what a step without a shim cannot do.
func (d *decision) unwrappedWarnings() []string {
	if !d.unwrapped || len(d.outputs) == 0 {
		return nil
	}
	return []string{fmt.Sprintf("nothing is wrapped (%s): outputs are pushed when the pod ends, whatever the exit code, and a push that fails cannot fail the pod",
		strings.Join(namesOf(d.chosen), ", "))}
}

// sharedWarnings tells of outputs that several pods would push one after the other.
func (d *decision) sharedWarnings() []string {
	if !d.opts.Several {
		return nil
	}
	var warnings []string
	for _, out := range d.plan.Outputs {
		own := slices.ContainsFunc(placeholder.In(out.Artifact), func(name string) bool {
			return name == placeholder.Index || name == placeholder.Pod
		})
		if !own {
			warnings = append(warnings, fmt.Sprintf("%s: several pods push %s, and the last one wins; write {index} or {pod} into it for one of each", out.Key, out.Artifact))
		}
	}
	return warnings
}
