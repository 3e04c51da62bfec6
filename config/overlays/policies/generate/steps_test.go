package main

import (
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"gotest.tools/v3/assert"
	is "gotest.tools/v3/assert/cmp"
	corev1 "k8s.io/api/core/v1"

	"github.com/converged-computing/oras-operator/pkg/webhook"
)

const prefix = "oras.converged-computing.github.io/"

// golden is an injected pod of package inject.
func golden(t *testing.T, name string) *corev1.Pod {
	t.Helper()
	data, err := os.ReadFile(filepath.Join("../../../../pkg/inject/testdata", name, "golden.yaml"))
	assert.NilError(t, err)
	return decode(t, data).(*corev1.Pod)
}

func TestAMarkedPodThatIsNoStepIsDenied(t *testing.T) { // E49
	servers := map[string]server{}
	for version, v := range versions() {
		servers[version] = newServer(t, v)
	}
	for name, test := range map[string]struct {
		of   string
		harm func(*corev1.PodSpec)
		want string
	}{
		"it was never injected": {
			"the-smallest-step",
			func(p *corev1.PodSpec) { p.InitContainers, p.Volumes = nil, nil },
			`there is no init container "oras" that runs the sidecar, so the pod would compute on missing inputs, and nothing of it would be pushed; see that the MutatingWebhookConfiguration oras-operator is there`,
		},
		"the sidecar is a plain init container": {
			"the-smallest-step",
			func(p *corev1.PodSpec) { p.InitContainers[1].RestartPolicy = nil },
			`init container "oras" has no restartPolicy Always, and would never let the pod start; another admission webhook has changed the pod after the operator did: let that one leave it alone`,
		},
		"the sidecar is another program": {
			"the-smallest-step",
			func(p *corev1.PodSpec) { p.InitContainers[1].Command = []string{"/sidecar"} },
			`there is no init container "oras" that runs the sidecar`,
		},
		"the shim's installer is gone": {
			"the-smallest-step",
			func(p *corev1.PodSpec) { p.InitContainers = p.InitContainers[1:] },
			`there is no init container "oras-shim" before "oras" that installs the shim`,
		},
		"the shim's installer comes late": {
			"the-smallest-step",
			func(p *corev1.PodSpec) {
				p.InitContainers[0], p.InitContainers[1] = p.InitContainers[1], p.InitContainers[0]
			},
			`there is no init container "oras-shim" before "oras" that installs the shim`,
		},
		"a command is what it was": {
			"the-smallest-step",
			func(p *corev1.PodSpec) { p.Containers[0].Command = []string{"ls"} },
			`container "simulate" does not run under the shim`,
		},
		"there is no command": {
			"the-smallest-step",
			func(p *corev1.PodSpec) { p.Containers[0].Command = nil },
			`container "simulate" does not run under the shim`,
		},
		"the shim is not mounted": {
			"the-smallest-step",
			func(p *corev1.PodSpec) { p.Containers[0].VolumeMounts = p.Containers[0].VolumeMounts[1:] },
			`container "simulate" does not run under the shim`,
		},
		"the container has another name": {
			"the-smallest-step",
			func(p *corev1.PodSpec) { p.Containers[0].Name = "other" },
			`container "simulate" does not run under the shim`,
		},
		"the hand-off's volume is gone": {
			"the-smallest-step",
			func(p *corev1.PodSpec) { p.Volumes = p.Volumes[:1] },
			`there is no volume "oras-run"`,
		},
		"the shim's volume is gone": {
			"the-smallest-step",
			func(p *corev1.PodSpec) { p.Volumes = p.Volumes[1:] },
			`there is no volume "oras-bin"`,
		},
		"the gate of a step without a shim is gone": {
			"never-wrapped",
			func(p *corev1.PodSpec) { p.InitContainers = p.InitContainers[:1] },
			`there is no init container "oras-gate" that waits for the inputs`,
		},
		"the gate comes before the sidecar": {
			"gated-for-probes-and-hooks",
			func(p *corev1.PodSpec) {
				p.InitContainers[1], p.InitContainers[2] = p.InitContainers[2], p.InitContainers[1]
			},
			`init container "oras-gate" waits for what cannot come before it has ended`,
		},
	} {
		t.Run(name, func(t *testing.T) {
			for version, s := range servers {
				pod := golden(t, test.of)
				test.harm(&pod.Spec)
				answer := s.decide(t, "pods", pod)
				assert.Assert(t, is.Contains(answer, "this pod cannot be a step of a workflow: "+test.want), version)
				assert.ErrorIs(t, checked(t, pod), webhook.ErrRefused)
			}
		})
	}
}

// The webhook looks at more; what it is content with, the policy is.
func TestNoPolicyIsStricterWithPodsThanTheWebhook(t *testing.T) {
	s := newServer(t, versions()["1.30"])
	whole := 0
	for _, file := range manifests(t, "*/golden.yaml") {
		name := filepath.Base(filepath.Dir(file))
		if !strings.Contains(file, "inject") {
			continue
		}
		for harm, pod := range harmed(golden(t, name)) {
			if checked(t, pod) == nil {
				whole++
				assert.Equal(t, s.decide(t, "pods", pod), "", "%s: %s", name, harm)
			}
		}
	}
	assert.Assert(t, whole > 50, "only %d of the harmed pods are whole", whole)
}

// harmed are pods without one thing each, by its name.
func harmed(pod *corev1.Pod) map[string]*corev1.Pod {
	list := map[string]*corev1.Pod{}
	change := func(what string) *corev1.PodSpec {
		list[what] = pod.DeepCopy()
		return &list[what].Spec
	}
	for i, c := range pod.Spec.InitContainers {
		spec := change("without " + c.Name)
		spec.InitContainers = append(spec.InitContainers[:i:i], spec.InitContainers[i+1:]...)
		spec = change("first " + c.Name)
		spec.InitContainers = append([]corev1.Container{c}, append(spec.InitContainers[:i:i], spec.InitContainers[i+1:]...)...)
		change("plain " + c.Name).InitContainers[i].RestartPolicy = nil
		change("renamed " + c.Name).InitContainers[i].Name = "x"
	}
	for i, v := range pod.Spec.Volumes {
		spec := change("without " + v.Name)
		spec.Volumes = append(spec.Volumes[:i:i], spec.Volumes[i+1:]...)
	}
	for i, c := range pod.Spec.Containers {
		change("bare " + c.Name).Containers[i].Command = nil
		launched := change("launched " + c.Name)
		launched.Containers[i].Command, launched.Containers[i].Args = []string{"/vault/vault-env", "--"}, c.Command
		change("unmounted " + c.Name).Containers[i].VolumeMounts = nil
		change("renamed " + c.Name).Containers[i].Name = "x"
	}
	list["of another role"] = pod.DeepCopy()
	list["of another role"].Labels["jobset.sigs.k8s.io/replicatedjob-name"] = "workers"
	list["of another role"].Annotations[prefix+"container"] = "launcher"
	list["of another role"].Spec = corev1.PodSpec{Containers: []corev1.Container{{Name: "worker"}}}
	return list
}

func TestWhatIsNoStepIsNotAskedToBeOne(t *testing.T) {
	s := newServer(t, versions()["1.30"])
	for name, manifest := range map[string]string{
		"no keys":                "metadata: {labels: {app: x}}",
		"only the operator's":    "metadata: {labels: {" + prefix + "injected: 'true'}, annotations: {" + prefix + "status: x}}",
		"a mirror pod":           "metadata: {annotations: {kubernetes.io/config.mirror: x, " + prefix + "output-uri: a}}",
		"a pod of another role":  "metadata: {labels: {training.kubeflow.org/job-role: x, " + prefix + "oras-cache: o, " + prefix + "output-uri: a}, annotations: {" + prefix + "container: 'b, c'}}",
		"and its key is a label": "metadata: {labels: {training.kubeflow.org/replica-type: x, " + prefix + "oras-cache: o, " + prefix + "output-uri: a, " + prefix + "container: b}}",
	} {
		t.Run(name, func(t *testing.T) {
			pod := decode(t, []byte("apiVersion: v1\nkind: Pod\nspec: {containers: [{name: a}]}\n"+manifest)).(*corev1.Pod)
			assert.Equal(t, s.decide(t, "pods", pod), "")
			assert.NilError(t, checked(t, pod))
		})
	}
}

// checked is what the webhook says of a pod.
func checked(t *testing.T, pod *corev1.Pod) error {
	t.Helper()
	raw, err := json.Marshal(pod)
	assert.NilError(t, err)
	return webhook.CheckStep(raw)
}
