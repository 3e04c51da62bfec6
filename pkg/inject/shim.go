package inject

import (
	"slices"
	"strings"
	"time"

	corev1 "k8s.io/api/core/v1"

	"github.com/converged-computing/oras-operator/pkg/handoff"
	"github.com/converged-computing/oras-operator/pkg/placeholder"
)

// shimFlags are what the shim of a container is told: what the user says last, in place of the operator's own.
func (d *decision) shimFlags(c corev1.Container) []string {
	values := placeholder.Values{placeholder.Container: c.Name}
	var own []string
	for _, flag := range d.plan.ShimFlags {
		own = append(own, escape(placeholder.Fill(flag, values)))
	}
	flags := slices.DeleteFunc(d.defaultFlags(c), func(flag string) bool { return sets(own, flagName(flag)) })
	return slices.Concat(flags, d.grace.shimFlags(own), own)
}

func (d *decision) defaultFlags(c corev1.Container) []string {
	flags := []string{"--container=" + c.Name, "--restart-policy=" + string(restartPolicy(c, d.restartPolicy))}
	if d.plan.Debug {
		flags = append(flags, "--log-level=debug")
	}
	if p := c.TerminationMessagePath; p != "" && p != corev1.TerminationMessagePathDefault {
		flags = append(flags, "--termination-message-path="+escape(p))
	}
	if l := c.Lifecycle; l != nil && l.StopSignal != nil {
		flags = append(flags, "--stop-signal="+string(*l.StopSignal))
	}
	if d.outputs.useOutDir(c.Name) {
		flags = append(flags, "--empty-dir="+handoff.OutDir)
	}
	if len(d.plan.Inputs) > 0 {
		flags = append(flags, "--wait-timeout="+d.shimWaitTimeout(c).String())
	}
	if len(d.outputs.of(c.Name)) > 0 {
		flags = append(flags, "--push-timeout="+d.plan.PushTimeout.String())
	}
	for _, p := range d.durable(c) {
		flags = append(flags, "--durable-output="+escape(p))
	}
	if pipe := d.plan.OutputPipe; pipe != "" {
		flags = append(flags, stdoutFlag+escape(placeholder.Fill(pipe, placeholder.Values{placeholder.Container: c.Name})))
	}
	return flags
}

// shimWaitTimeout is the longest that a container waits for its inputs: an attempt that is started again gets them only when
// what the one before has left is pushed.
func (d *decision) shimWaitTimeout(c corev1.Container) time.Duration {
	timeout := waitTimeout(d.plan)
	if len(d.outputs.of(c.Name)) > 0 && restartPolicy(c, d.restartPolicy) != corev1.RestartPolicyNever {
		timeout += min(d.plan.PushTimeout, ages)
	}
	return timeout
}

// stdoutFlag begins the flag by which the shim also writes the command's standard output to a file.
const stdoutFlag = "--stdout-to="

// flagName is --name of --name=value.
func flagName(flag string) string {
	name, _, _ := strings.Cut(flag, "=")
	return name
}

func sets(flags []string, name string) bool {
	return slices.ContainsFunc(flags, func(flag string) bool { return flagName(flag) == name })
}
