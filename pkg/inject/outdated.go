package inject

import (
	"flag"
	"io"
	"slices"
	"strings"

	corev1 "k8s.io/api/core/v1"

	"github.com/converged-computing/oras-operator/pkg/apis/v1alpha1"
	"github.com/converged-computing/oras-operator/pkg/handoff"
	"github.com/converged-computing/oras-operator/pkg/plan"
)

// Outdated lists the keys of an injected pod that say something else than what its sidecar does: it was injected before they
// were changed, as in a manifest that was exported and edited. Artifacts with placeholders are not looked at, nor is a sidecar of
// a version that cannot be read.
func Outdated(spec corev1.PodSpec, p plan.Plan) []string {
	i := slices.IndexFunc(spec.InitContainers, isSidecar)
	if i < 0 {
		return nil
	}
	step, ok := stepOf(spec.InitContainers[i])
	if !ok {
		return nil
	}
	var keys []string
	if p.Registry != "" && p.Registry != step.Registry {
		keys = append(keys, v1alpha1.KeyRegistry)
	}
	for _, in := range p.Inputs {
		if !strings.Contains(in.Artifact, "{") && !slices.ContainsFunc(step.Inputs, func(i handoff.Input) bool { return i.Artifact == in.Artifact }) {
			keys = append(keys, in.Key)
		}
	}
	for _, out := range p.Outputs {
		if !strings.Contains(out.Artifact, "{") && !slices.ContainsFunc(step.Outputs, func(o handoff.Output) bool { return o.Artifact == out.Artifact }) {
			keys = append(keys, out.Key)
		}
	}
	return keys
}

// Elsewhere is the registry of a sidecar that was injected for a pod of another namespace, and whose step is to use an OrasCache
// of this one; empty where it was not.
func Elsewhere(spec corev1.PodSpec, p plan.Plan, namespace string) (registry string) {
	i := slices.IndexFunc(spec.InitContainers, isSidecar)
	if i < 0 || p.Registry != "" || namespace == "" {
		return ""
	}
	step, ok := stepOf(spec.InitContainers[i])
	host, _, _ := strings.Cut(step.Registry, ":")
	if !ok || !strings.HasSuffix(host, ".svc") || strings.HasSuffix(host, "."+namespace+".svc") {
		return ""
	}
	return step.Registry
}

// ShutOut lists the fields of an OrasCache that a sidecar which was injected before goes by as they were then, so that it does not reach its
// registry, as it is now, or is not let in. A registry that is named by a key is not looked at, nor one that was named by hand when the
// pod was injected, which may be another way to the same.
func ShutOut(spec corev1.PodSpec, p plan.Plan, registry plan.Endpoint) (fields []string) {
	i := slices.IndexFunc(spec.InitContainers, isSidecar)
	if i < 0 || p.Registry != "" {
		return nil
	}
	step, ok := stepOf(spec.InitContainers[i])
	if !ok {
		return nil
	}
	was, wasIn, _ := strings.Cut(step.Registry, ".")
	service, in, _ := strings.Cut(registry.Host, ".")
	if wasIn != in {
		return nil
	}
	var now handoff.Step
	d := decision{plan: p, opts: Options{Registry: registry}}
	d.writeAccess(&now)
	if was != service {
		fields = append(fields, "spec.service.name")
	}
	if step.PlainHTTP != registry.PlainHTTP || step.CAFile != now.CAFile {
		fields = append(fields, "spec.tls")
	}
	if asked := registry.Audience != "" || registry.Login != ""; asked &&
		(step.TokenFile != now.TokenFile || step.DockerConfig != now.DockerConfig || step.LoginDir != now.LoginDir) {
		fields = append(fields, "spec.auth")
	}
	return fields
}

// stepOf reads a sidecar's task as the sidecar does, with every $$ a $ again.
func stepOf(sidecar corev1.Container) (handoff.Step, bool) {
	var args []string
	for _, arg := range sidecar.Command[len(sidecarCommand()):] {
		args = append(args, strings.ReplaceAll(arg, "$$", "$"))
	}
	var step handoff.Step
	flags := flag.NewFlagSet("sidecar", flag.ContinueOnError)
	flags.SetOutput(io.Discard)
	step.BindFlags(flags)
	return step, flags.Parse(args) == nil
}
