package inject_test

import (
	"slices"
	"testing"

	"gotest.tools/v3/assert"
	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/resource"
	"k8s.io/utils/ptr"

	"github.com/converged-computing/oras-operator/pkg/inject"
)

// Clients write a manifest again in different ways; each must come out as what is stored, field by field.
func TestReapplyingAManifestRestoresTheTemplate(t *testing.T) {
	restore := func(stored, manifest corev1.PodTemplateSpec) corev1.PodTemplateSpec {
		for i, c := range manifest.Spec.Containers {
			stored.Spec.Containers[i].Command, stored.Spec.Containers[i].Args = c.Command, c.Args
		}
		return stored
	}
	clients := map[string]func(stored, manifest corev1.PodTemplateSpec) corev1.PodTemplateSpec{
		"kubectl apply merges the fields of the manifest into what is stored": restore,
		"kubectl apply puts a grace period of the manifest back too": func(stored, manifest corev1.PodTemplateSpec) corev1.PodTemplateSpec {
			if stored.Spec.TerminationGracePeriodSeconds != nil {
				stored.Spec.TerminationGracePeriodSeconds = new(ptr.Deref(manifest.Spec.TerminationGracePeriodSeconds, 30))
			}
			return restore(stored, manifest)
		},
		"kubectl apply leaves a command that the manifest does not name, and puts its arguments back": func(stored, manifest corev1.PodTemplateSpec) corev1.PodTemplateSpec {
			for i, c := range manifest.Spec.Containers {
				if len(c.Command) > 0 {
					stored.Spec.Containers[i].Command = c.Command
				}
				stored.Spec.Containers[i].Args = c.Args
			}
			return stored
		},
		"kubectl replace sends the manifest alone": func(_, manifest corev1.PodTemplateSpec) corev1.PodTemplateSpec {
			return manifest
		},
	}
	for client, send := range clients {
		for _, name := range accepted(t) {
			t.Run(client+", "+name, func(t *testing.T) {
				stored := read(t, name, "golden.yaml")
				update := send(*stored.DeepCopy(), read(t, name, "input.yaml"))
				got, ok := inject.Reapply(update, stored)
				assert.Assert(t, ok || inject.Injected(update.Spec), "an update that is no step is left alone")
				assert.DeepEqual(t, got, stored)
			})
		}
	}
}

func TestReapplyingKeepsAnOlderVersionsTemplate(t *testing.T) {
	stored := read(t, "the-smallest-step", "golden.yaml")
	for i := range stored.Spec.InitContainers {
		stored.Spec.InitContainers[i].Image = "sidecar:old"
		stored.Spec.InitContainers[i].Resources.Requests[corev1.ResourceMemory] = resource.MustParse("64Mi")
	}
	got, ok := inject.Reapply(read(t, "the-smallest-step", "input.yaml"), stored)
	assert.Assert(t, ok)
	assert.DeepEqual(t, got, stored)
}

func TestReapplyingKeepsWhatASuspendedJobMayChange(t *testing.T) {
	stored := read(t, "the-smallest-step", "golden.yaml")
	update := read(t, "the-smallest-step", "input.yaml")
	update.Spec.NodeSelector = map[string]string{"pool": "cpu"}
	update.Labels["queue"] = "a"
	update.Spec.Containers[0].Resources.Requests = corev1.ResourceList{corev1.ResourceCPU: resource.MustParse("2")}
	want := *stored.DeepCopy()
	want.Spec.Containers[0].Resources = update.Spec.Containers[0].Resources
	want.Spec.NodeSelector, want.Labels["queue"] = update.Spec.NodeSelector, "a"
	got, ok := inject.Reapply(update, stored)
	assert.Assert(t, ok)
	assert.DeepEqual(t, got, want)
}

func TestReapplyingLeavesAloneWhatItCannotMend(t *testing.T) {
	cases := map[string]struct{ update, stored func(*corev1.PodTemplateSpec) }{
		"the command is another": {
			update: func(p *corev1.PodTemplateSpec) { p.Spec.Containers[0].Command = []string{"other"} },
		},
		"a volume is new": {
			update: func(p *corev1.PodTemplateSpec) {
				p.Spec.Volumes = append(p.Spec.Volumes, corev1.Volume{Name: "new"})
			},
		},
		"the grace period is another": {
			update: func(p *corev1.PodTemplateSpec) { p.Spec.TerminationGracePeriodSeconds = ptr.To[int64](10) },
		},
		"the resources of the pod are others": {
			update: func(p *corev1.PodTemplateSpec) {
				p.Spec.Resources = &corev1.ResourceRequirements{Requests: corev1.ResourceList{corev1.ResourceCPU: resource.MustParse("3")}}
			},
		},
		"what is stored was never injected": {
			stored: func(p *corev1.PodTemplateSpec) { p.Spec.InitContainers = nil },
		},
	}
	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			stored := read(t, "the-smallest-step", "golden.yaml")
			update := read(t, "the-smallest-step", "input.yaml")
			if tc.update != nil {
				tc.update(&update)
			}
			if tc.stored != nil {
				tc.stored(&stored)
			}
			got, ok := inject.Reapply(update, stored)
			assert.Assert(t, !ok)
			assert.DeepEqual(t, got, update)
		})
	}
}

func TestAnUpdateOfAnInjectedTemplateIsLeftAlone(t *testing.T) {
	stored := read(t, "the-smallest-step", "golden.yaml")
	update := *stored.DeepCopy()
	update.Spec.Containers[0].Command = slices.Concat(update.Spec.Containers[0].Command, []string{"more"})
	got, ok := inject.Reapply(update, stored)
	assert.Assert(t, !ok)
	assert.DeepEqual(t, got, update)
}

// Nothing of a step without shims is gone when its manifest is written again, but the grace period that the manifest has.
func TestReapplyingRestoresTheGraceOfAnUnwrappedStep(t *testing.T) {
	stored := read(t, "never-wrapped-with-outputs-only", "golden.yaml")
	update := *stored.DeepCopy()
	update.Spec.TerminationGracePeriodSeconds = ptr.To[int64](30)
	got, ok := inject.Reapply(update, stored)
	assert.Assert(t, ok)
	assert.DeepEqual(t, got, stored)
}
