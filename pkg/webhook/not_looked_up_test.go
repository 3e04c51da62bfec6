package webhook

import (
	"strings"
	"testing"

	"gotest.tools/v3/assert"
	admissionv1 "k8s.io/api/admission/v1"
)

func TestWhereImagesAreNotLookedUpADenialSaysSo(t *testing.T) {
	find, err := findCommandFor(nil, Options{LookUpImages: false}, nodes{})
	assert.NilError(t, err)
	m := mutator()
	m.FindCommand = find
	pod := []byte(`{"apiVersion":"v1","kind":"Pod","metadata":{"name":"p","labels":{
		"oras.converged-computing.github.io/oras-cache":"oras","oras.converged-computing.github.io/output-uri":"made"}},
		"spec":{"restartPolicy":"Never","containers":[{"name":"app","image":"registry.example/tool:1"}]}}`)
	res := send(t, m.handlePod, admissionv1.Create, pod, nil)
	assert.Assert(t, !res.Allowed)
	assert.Assert(t, strings.Contains(res.Result.Message,
		`container "app" has no command, and that of image registry.example/tool:1 is not known: this operator runs with --look-up-images=false; set command`), res.Result.Message)
}
