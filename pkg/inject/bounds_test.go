package inject_test

import (
	"testing"

	"gotest.tools/v3/assert"
	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/resource"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/converged-computing/oras-operator/pkg/inject"
	"github.com/converged-computing/oras-operator/pkg/plan"
)

func list(cpu, memory string) corev1.ResourceList {
	found := corev1.ResourceList{}
	for name, quantity := range map[corev1.ResourceName]string{corev1.ResourceCPU: cpu, corev1.ResourceMemory: memory} {
		if quantity != "" {
			found[name] = resource.MustParse(quantity)
		}
	}
	return found
}

// The API server refuses containers outside of limit ranges, and gives those without a limit the default one, whatever they
// request.
func TestInjectedContainersFitIntoLimitRanges(t *testing.T) { // E54
	for name, c := range map[string]struct {
		of       string // the case of testdata; empty: the smallest
		ranges   []corev1.LimitRangeItem
		requests corev1.ResourceList
		limits   corev1.ResourceList
	}{
		"none":                        {requests: list("100m", "128Mi"), limits: list("", "128Mi")},
		"wide":                        {ranges: []corev1.LimitRangeItem{{Min: list("10m", "1Mi")}}, requests: list("100m", "128Mi"), limits: list("", "128Mi")},
		"a minimum above":             {ranges: []corev1.LimitRangeItem{{Min: list("250m", "256Mi")}}, requests: list("250m", "256Mi"), limits: list("", "256Mi")},
		"a maximum below":             {ranges: []corev1.LimitRangeItem{{Max: list("50m", "64Mi"), Default: list("50m", "64Mi")}}, requests: list("50m", "64Mi"), limits: list("50m", "64Mi")},
		"a default below the request": {ranges: []corev1.LimitRangeItem{{Default: list("50m", "64Mi")}}, requests: list("100m", "128Mi"), limits: list("100m", "128Mi")},
		"a default above":             {ranges: []corev1.LimitRangeItem{{Default: list("2", "1Gi"), DefaultRequest: list("1", "1Gi")}}, requests: list("100m", "128Mi"), limits: list("2", "128Mi")},
		"a ratio":                     {ranges: []corev1.LimitRangeItem{{MaxLimitRequestRatio: list("3", "2")}}, requests: list("100m", "128Mi"), limits: list("100m", "128Mi")},
		"a ratio and a default":       {ranges: []corev1.LimitRangeItem{{Default: list("1", ""), MaxLimitRequestRatio: list("3", "")}}, requests: list("334m", "128Mi"), limits: list("1", "128Mi")},
		"several": {
			ranges:   []corev1.LimitRangeItem{{Min: list("200m", "")}, {Max: list("", "100Mi"), Default: list("", "100Mi")}},
			requests: list("200m", "100Mi"), limits: list("", "100Mi"),
		},
		"of pods": {ranges: []corev1.LimitRangeItem{{Type: corev1.LimitTypePod, Max: list("1m", "")}}, requests: list("100m", "128Mi"), limits: list("", "128Mi")},
		"of a Guaranteed pod": {
			of: "guaranteed-stays-guaranteed", ranges: []corev1.LimitRangeItem{{Min: list("300m", ""), Max: list("2", "96Mi")}},
			requests: list("300m", "96Mi"), limits: list("300m", "96Mi"),
		},
		"what inputs take in memory, and may": {
			of: "inputs-in-memory-of-a-pod-with-a-limit", ranges: []corev1.LimitRangeItem{{Max: list("", "512Mi"), MaxLimitRequestRatio: list("", "2")}},
			requests: list("100m", "256Mi"), limits: list("", "512Mi"),
		},
	} {
		t.Run(name, func(t *testing.T) {
			if c.of == "" {
				c.of = "the-smallest-step"
			}
			for i := range c.ranges {
				if c.ranges[i].Type == "" {
					c.ranges[i].Type = corev1.LimitTypeContainer
				}
			}
			pod, _, err := fitted(t, c.of, c.ranges, nil)
			assert.NilError(t, err)
			got := sidecar(&pod.Spec).Resources
			assert.DeepEqual(t, got.Requests, c.requests)
			assert.DeepEqual(t, got.Limits, c.limits)
		})
	}
}

// A Job's template has no defaults yet when it is injected, and its pods will.
func TestAStepStaysGuaranteedByTheDefaultsOfALimitRange(t *testing.T) { // E54
	for name, c := range map[string]struct {
		item corev1.LimitRangeItem
		same bool
	}{
		"defaults that are requested too": {corev1.LimitRangeItem{Default: list("500m", "256Mi"), DefaultRequest: list("500m", "256Mi")}, true},
		"requests below the limits":       {corev1.LimitRangeItem{Default: list("500m", "256Mi"), DefaultRequest: list("50m", "256Mi")}, false},
		"no default for memory":           {corev1.LimitRangeItem{Default: list("500m", ""), DefaultRequest: list("500m", "")}, false},
		"defaults of claims":              {corev1.LimitRangeItem{Type: corev1.LimitTypePersistentVolumeClaim, Default: list("500m", "256Mi"), DefaultRequest: list("500m", "256Mi")}, false},
	} {
		t.Run(name, func(t *testing.T) {
			if c.item.Type == "" {
				c.item.Type = corev1.LimitTypeContainer
			}
			pod, _, err := fitted(t, "the-smallest-step", []corev1.LimitRangeItem{c.item}, nil)
			assert.NilError(t, err)
			for _, injected := range pod.Spec.InitContainers {
				r := injected.Resources
				assert.Equal(t, len(r.Limits) == 2 && r.Limits.Cpu().Equal(*r.Requests.Cpu()) && r.Limits.Memory().Equal(*r.Requests.Memory()), c.same, injected.Name)
			}
			assert.Equal(t, len(pod.Spec.Containers[0].Resources.Limits), 0, "what the user left open stays so")
		})
	}
}

func TestResourcesOfAKeyThatLimitRangesForbidAreDenied(t *testing.T) { // E54
	ranges := []corev1.LimitRangeItem{{Type: corev1.LimitTypeContainer, Max: list("2", "256Mi"), Min: list("200m", "")}}
	_, _, err := fitted(t, "the-smallest-step", ranges, map[string]string{"sidecar-cpu": "1:4", "sidecar-memory": "1Gi"})
	assert.Error(t, err, `sidecar-cpu: a LimitRange of the namespace allows a container a limit of 2 at most, and not 4; write no more
sidecar-memory: a LimitRange of the namespace allows a container to request 256Mi at most, and not 1Gi; write no more`)
	_, _, err = fitted(t, "the-smallest-step", ranges, map[string]string{"sidecar-cpu": "100m"})
	assert.NilError(t, err, "less than the least is raised")
}

// fitted injects a case of testdata into a namespace with limit ranges, with more keys.
func fitted(t *testing.T, name string, ranges []corev1.LimitRangeItem, keys map[string]string) (corev1.PodTemplateSpec, []string, error) {
	t.Helper()
	pod := read(t, name, "input.yaml")
	for key, value := range keys {
		metav1.SetMetaDataAnnotation(&pod.ObjectMeta, "oras.converged-computing.github.io/"+key, value)
	}
	p, _, err := plan.Parse(plan.Metadata{Labels: pod.Labels, Annotations: pod.Annotations})
	assert.NilError(t, err)
	return inject.Pod(pod, p, inject.Options{SidecarImage: "sidecar", Bounds: inject.Bounds{Ranges: ranges}})
}
