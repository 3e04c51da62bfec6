package inject

import (
	"slices"
	"strings"

	corev1 "k8s.io/api/core/v1"

	"github.com/converged-computing/oras-operator/pkg/handoff"
)

// environment decides what each container of the step gets, by its name. The variables go before the user's own, so that
// those can refer to them. A variable that the user sets to the same value is left alone, to another is a problem.
func (d *decision) environment(ps *problems) map[string][]corev1.EnvVar {
	env := map[string][]corev1.EnvVar{}
	for _, c := range d.chosen {
		for _, v := range []corev1.EnvVar{{Name: inputPathEnv, Value: d.inputDir(*c)}, {Name: outputPathEnv, Value: d.outputDir(*c)}} {
			if v.Value = d.settled(v.Value); v.Value == "" {
				continue
			}
			if literal(v.Value) != v.Value && refersTo(*c, v.Name) {
				ps.add("container %q: Kubernetes fills in $(%s) before the container starts, when %q is not known yet; have the command itself read the variable, or write the path without placeholders", c.Name, v.Name, v.Value)
			}
			v.Value = escape(v.Value)
			i := slices.IndexFunc(c.Env, func(own corev1.EnvVar) bool { return own.Name == v.Name })
			if i < 0 {
				env[c.Name] = append(env[c.Name], v)
			} else if c.Env[i] != v {
				ps.add("container %q: env[%d] sets %s, which the operator sets to %q; remove it, or give it that value", c.Name, i, v.Name, v.Value)
			}
		}
	}
	return env
}

// refersTo tells whether the kubelet is to fill in a variable in the command, the arguments or another variable of a container.
func refersTo(c corev1.Container, variable string) bool {
	words := slices.Concat(c.Command, c.Args)
	for _, v := range c.Env {
		words = append(words, v.Value)
	}
	return slices.ContainsFunc(words, func(word string) bool {
		return strings.Contains(strings.ReplaceAll(word, "$$", ""), "$("+variable+")") // $$ stands for a $
	})
}

// settled is the text of a variable that the shim finishes; where there is no shim it is empty if that is needed.
func (d *decision) settled(text string) string {
	if !d.unwrapped {
		return text
	}
	return literal(text)
}

// inputDir is where the first input is; empty where that is a working directory that only the image knows.
func (d *decision) inputDir(c corev1.Container) string {
	if len(d.plan.Inputs) == 0 {
		return ""
	}
	return resolve(c, d.plan.Inputs[0].Path)
}

// outputDir is where the command is to write what is pushed: the directory of an output without a path, else the path
// of the first, up to a pattern.
func (d *decision) outputDir(c corev1.Container) string {
	outs := d.outputs.of(c.Name)
	switch {
	case d.outputs.useOutDir(c.Name):
		return handoff.OutDir
	case len(outs) == 0:
		return ""
	}
	return unpatterned(resolve(c, outs[0].Path))
}
