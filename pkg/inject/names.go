package inject

import (
	"slices"
	"strings"

	corev1 "k8s.io/api/core/v1"

	"github.com/converged-computing/oras-operator/pkg/handoff"
)

// Names of what is added to a pod.
const (
	sidecarName = handoff.SidecarContainer
	shimName    = handoff.ShimContainer
	gateName    = handoff.GateContainer
	binVolume   = handoff.BinVolume
	runVolume   = handoff.RunVolume
	outVolume   = "oras-out"
	inVolume    = "oras-in-" // and a number

	credentialsVolume = "oras-credentials"
	loginVolume       = "oras-login"
	accessVolume      = "oras-access"

	inputPathEnv  = "ORAS_INPUT_PATH"
	outputPathEnv = "ORAS_OUTPUT_PATH"
)

// sidecarCommand, gateCommand and shimCommand begin the commands of the containers; all programs are in one image.
func sidecarCommand() []string { return []string{"/sidecar", "run"} }

func gateCommand() []string { return []string{"/sidecar", "gate"} }

func shimCommand() []string {
	return []string{"/shim", "install", handoff.BinDir, "--run-dir=" + string(handoff.DefaultDir)}
}

func isSidecar(c corev1.Container) bool {
	return c.Name == sidecarName && begins(c.Command, sidecarCommand())
}

func isInstaller(c corev1.Container) bool {
	return c.Name == shimName && begins(c.Command, shimCommand()[:2])
}

func isGate(c corev1.Container) bool {
	return c.Name == gateName && begins(c.Command, gateCommand())
}

// isInjected tells whether an init container was added by the operator.
func isInjected(c corev1.Container) bool { return isSidecar(c) || isInstaller(c) || isGate(c) }

// isOurVolume tells whether a volume of an injected pod was added by the operator.
func isOurVolume(name string) bool {
	number, input := strings.CutPrefix(name, inVolume)
	return slices.Contains([]string{binVolume, runVolume, outVolume, credentialsVolume, loginVolume, accessVolume}, name) ||
		input && number != "" && strings.Trim(number, "0123456789") == ""
}

// isOurVariable tells whether the operator has added a variable to a container of a step.
func isOurVariable(v corev1.EnvVar) bool { return v.Name == inputPathEnv || v.Name == outputPathEnv }

// isNative tells whether an init container is a native sidecar: one that runs beside the regular containers.
func isNative(c corev1.Container) bool {
	return c.RestartPolicy != nil && *c.RestartPolicy == corev1.ContainerRestartPolicyAlways
}

// meshProxy is the name of a regular container that the pod's network needs; empty for none. Before it has started,
// which is after all init containers, no sidecar reaches a registry.
func meshProxy(spec corev1.PodSpec) string {
	proxies := []string{"istio-proxy", "linkerd-proxy", "kuma-sidecar", "envoy-sidecar", "consul-dataplane"}
	for _, c := range spec.Containers {
		if slices.Contains(proxies, c.Name) {
			return c.Name
		}
	}
	return ""
}

func begins(list, head []string) bool {
	return len(list) >= len(head) && slices.Equal(list[:len(head)], head)
}
