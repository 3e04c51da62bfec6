package inject_test

import (
	"testing"

	"gotest.tools/v3/assert"

	"github.com/converged-computing/oras-operator/pkg/apis/v1alpha1"
	"github.com/converged-computing/oras-operator/pkg/inject"
	"github.com/converged-computing/oras-operator/pkg/plan"
)

func TestNoGoldenPodIsOutdated(t *testing.T) {
	for _, name := range accepted(t) {
		pod := read(t, name, "golden.yaml")
		p, _, err := plan.Parse(plan.Metadata{Labels: pod.Labels, Annotations: pod.Annotations})
		assert.NilError(t, err)
		assert.Equal(t, len(inject.Outdated(pod.Spec, p)), 0, name)
	}
}

func TestAStepOfAnotherNamespaceIsFound(t *testing.T) {
	of := func(name, namespace string) string {
		pod := read(t, name, "golden.yaml")
		p, _, err := plan.Parse(plan.Metadata{Labels: pod.Labels, Annotations: pod.Annotations})
		assert.NilError(t, err)
		return inject.Elsewhere(pod.Spec, p, namespace)
	}
	assert.Equal(t, of("the-smallest-step", "default"), "")
	assert.Equal(t, of("the-smallest-step", "team"), "oras.default.svc:5000")
	assert.Equal(t, of("the-smallest-step", "efault"), "oras.default.svc:5000")
	assert.Equal(t, of("the-smallest-step", ""), "", "it is not known where it will be")
	assert.Equal(t, of("credentials-of-another-registry", "team"), "")
	own := plan.Plan{Registry: "oras.default.svc:5000"}
	assert.Equal(t, inject.Elsewhere(read(t, "the-smallest-step", "golden.yaml").Spec, own, "team"), "", "a registry of its own is the same everywhere")
}

func TestNobodyIsShutOutWhoGoesAnotherWay(t *testing.T) {
	spec := read(t, "a-token-for-a-registry-with-tls", "golden.yaml").Spec
	assert.DeepEqual(t, inject.ShutOut(spec, plan.Plan{}, plan.Endpoint{Host: "other.default.svc:5000", CAConfigMap: "oras-ca"}), []string{"spec.service.name"})
	for _, host := range []string{"gateway.example.org", "oras.default.svc.cluster.local:5000", "localhost:5000"} {
		assert.Equal(t, len(inject.ShutOut(spec, plan.Plan{}, plan.Endpoint{Host: host, PlainHTTP: true})), 0, host)
	}
}

func TestKeysThatWereChangedSinceAreFound(t *testing.T) {
	pod := read(t, "credentials-of-another-registry", "golden.yaml")
	p, _, err := plan.Parse(plan.Metadata{Annotations: map[string]string{
		v1alpha1.KeyPrefix + "registry": "other.example.org", v1alpha1.KeyPrefix + "input-uri_2": "more", v1alpha1.KeyPrefix + "output-uri": "changed",
		v1alpha1.KeyPrefix + "output-uri_1": "of-{pod}",
	}})
	assert.NilError(t, err)
	assert.DeepEqual(t, inject.Outdated(pod.Spec, p), []string{"registry", "input-uri_2", "output-uri"})
}
