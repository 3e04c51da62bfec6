package webhook

import (
	"encoding/json"
	"path/filepath"
	"testing"

	"gotest.tools/v3/assert"
	admissionv1 "k8s.io/api/admission/v1"
	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/resource"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/converged-computing/oras-operator/pkg/inject"
)

func quota(namespace, name string, scopes []corev1.ResourceQuotaScope, counted ...corev1.ResourceName) *corev1.ResourceQuota {
	q := &corev1.ResourceQuota{
		ObjectMeta: metav1.ObjectMeta{Namespace: namespace, Name: name},
		Spec:       corev1.ResourceQuotaSpec{Hard: corev1.ResourceList{}, Scopes: scopes},
	}
	for _, name := range counted {
		q.Spec.Hard[name] = resource.MustParse("10")
	}
	return q
}

func limitRange(namespace, name string, items ...corev1.LimitRangeItem) *corev1.LimitRange {
	return &corev1.LimitRange{ObjectMeta: metav1.ObjectMeta{Namespace: namespace, Name: name}, Spec: corev1.LimitRangeSpec{Limits: items}}
}

func most(cpu string) corev1.LimitRangeItem {
	return corev1.LimitRangeItem{Type: corev1.LimitTypeContainer, Max: corev1.ResourceList{corev1.ResourceCPU: resource.MustParse(cpu)}}
}

func TestTheBoundsOfANamespace(t *testing.T) {
	found, err := bounds{cached: reader(t,
		quota("default", "one", nil, corev1.ResourcePods, corev1.ResourceLimitsCPU),
		quota("default", "two", []corev1.ResourceQuotaScope{corev1.ResourceQuotaScopeNotTerminating}, corev1.ResourceLimitsCPU, corev1.ResourceLimitsMemory),
		quota("other", "four", nil, corev1.ResourceRequestsEphemeralStorage),
		limitRange("default", "b", most("3"), most("4")),
		limitRange("default", "a", most("2")),
		limitRange("other", "c", most("1")),
	)}.of(t.Context(), "default")
	assert.NilError(t, err)
	assert.DeepEqual(t, found, inject.Bounds{
		Counted: []corev1.ResourceName{corev1.ResourceLimitsCPU, corev1.ResourceLimitsMemory, corev1.ResourcePods},
		Ranges:  []corev1.LimitRangeItem{most("2"), most("3"), most("4")},
	})
}

// A quota refuses pods with a container that leaves open what it counts. Where nothing counts it, it stays open.
func TestWhatIsCountedIsSaidOfEveryContainer(t *testing.T) { // E54
	raw := toJSON(t, filepath.Join(testdata, "the-smallest-step", "input.yaml"))
	m := mutator()
	m.FindBounds = bounds{cached: reader(t,
		quota("default", "all", nil, corev1.ResourceLimitsCPU, corev1.ResourceLimitsEphemeralStorage, corev1.ResourceRequestsEphemeralStorage),
	)}.of
	res := send(t, m.handlePod, admissionv1.Create, raw, nil)
	assert.Assert(t, res.Allowed)
	var pod corev1.Pod
	assert.NilError(t, json.Unmarshal(patch(t, raw, res), &pod))
	assert.Assert(t, len(pod.Spec.InitContainers) > 0)
	for _, c := range pod.Spec.InitContainers {
		assert.Equal(t, c.Resources.Limits.Cpu().String(), "1", c.Name)
		assert.Equal(t, c.Resources.Requests.Cpu().String(), "100m", c.Name)
		assert.Equal(t, c.Resources.Limits.StorageEphemeral().String(), "64Mi", c.Name)
		assert.Equal(t, c.Resources.Requests.StorageEphemeral().String(), "64Mi", c.Name)
	}
}
