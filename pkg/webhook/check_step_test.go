package webhook

import (
	"encoding/json"
	"path/filepath"
	"testing"

	"gotest.tools/v3/assert"
	is "gotest.tools/v3/assert/cmp"
	admissionv1 "k8s.io/api/admission/v1"
	corev1 "k8s.io/api/core/v1"
)

func TestAStepThatAnotherWebhookHasBrokenIsRefused(t *testing.T) { // E49
	for name, test := range map[string]struct {
		harm func(*corev1.Pod)
		want string
	}{
		"the sidecar is a plain init container": {
			func(p *corev1.Pod) { p.Spec.InitContainers[1].RestartPolicy = nil },
			`init container "oras" has no restartPolicy Always, and would never let the pod start`,
		},
		"the sidecar is gone": {
			func(p *corev1.Pod) { p.Spec.InitContainers = p.Spec.InitContainers[:1] },
			`there is no init container "oras" that runs the sidecar`,
		},
		"the shim's installer is gone": {
			func(p *corev1.Pod) { p.Spec.InitContainers = p.Spec.InitContainers[1:] },
			`there is no init container "oras-shim" before "oras" that installs the shim`,
		},
		"a command is what it was": {
			func(p *corev1.Pod) { p.Spec.Containers[0].Command = []string{"ls"} },
			`container "simulate" does not run under the shim`,
		},
	} {
		t.Run(name, func(t *testing.T) {
			var pod corev1.Pod
			assert.NilError(t, json.Unmarshal(toJSON(t, filepath.Join(testdata, "the-smallest-step", "golden.yaml")), &pod))
			test.harm(&pod)
			res := send(t, mutator().handleStep, admissionv1.Create, encode(t, pod), nil)
			assert.Assert(t, !res.Allowed)
			assert.Assert(t, is.Contains(res.Result.Message, "this pod cannot be a step of a workflow: "+test.want))
			assert.Assert(t, is.Contains(res.Result.Message, "another admission webhook has changed the pod"))
		})
	}
}

func TestWhatWasInjectedIsNotRefused(t *testing.T) {
	for _, name := range goldens(t) {
		res := send(t, mutator().handleStep, admissionv1.Create, toJSON(t, filepath.Join(testdata, name, "golden.yaml")), nil)
		assert.Assert(t, res.Allowed, "%s: %v", name, res.Result)
	}
	for name, raw := range map[string]string{
		"no keys": `{"spec":{"containers":[{"name":"a"}]}}`,
		"a pod in another role": `{"metadata":{"labels":{"jobset.sigs.k8s.io/replicatedjob-name":"w"},"annotations":{` +
			`"oras.converged-computing.github.io/oras-cache":"oras","oras.converged-computing.github.io/output-uri":"a",` +
			`"oras.converged-computing.github.io/container":"launcher"}},"spec":{"containers":[{"name":"worker"}]}}`,
		"a mirror pod": `{"metadata":{"annotations":{"kubernetes.io/config.mirror":"x","oras.converged-computing.github.io/output-uri":"a"}},"spec":{"containers":[{"name":"a"}]}}`,
	} {
		for _, handle := range []func(Mutator) bool{
			func(m Mutator) bool { return send(t, m.handleStep, admissionv1.Create, []byte(raw), nil).Allowed },
			func(m Mutator) bool {
				res := send(t, m.handlePod, admissionv1.Create, []byte(raw), nil)
				return res.Allowed && len(res.Patches) == 0
			},
		} {
			assert.Assert(t, handle(mutator()), name)
		}
	}
}
