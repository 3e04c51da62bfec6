package plan_test

import (
	"testing"

	"gotest.tools/v3/assert"

	"github.com/converged-computing/oras-operator/pkg/plan"
)

func TestOnlyKeysOfUsersMarkAnObject(t *testing.T) {
	cases := map[string]struct {
		meta plan.Metadata
		want bool
	}{
		"nothing at all":                    {plan.Metadata{}, false},
		"somebody else's":                   {plan.Metadata{Labels: map[string]string{"app": "x"}}, false},
		"what the operator writes":          {plan.Metadata{Labels: keys(map[string]string{"injected": "true"}), Annotations: keys(map[string]string{"status": "x"})}, false},
		"a label":                           {plan.Metadata{Labels: keys(map[string]string{"oras-cache": "x"})}, true},
		"an annotation that does not exist": {plan.Metadata{Annotations: keys(map[string]string{"typo": "x"})}, true},
	}
	for name, tc := range cases {
		t.Run(name, func(t *testing.T) { assert.Equal(t, tc.meta.Marked(), tc.want) })
	}
}

func TestATemplateInheritsTheKeysItLacks(t *testing.T) {
	template := plan.Metadata{
		Labels:      map[string]string{"app": "x"},
		Annotations: keys(map[string]string{"output-uri": "own", "debug": "true"}),
	}
	job := plan.Metadata{
		Labels:      keys(map[string]string{"oras-cache": "oras", "debug": "false", "injected": "true"}),
		Annotations: map[string]string{"note": "stays with the Job"},
	}
	got := template.Inherit(job)
	labels := keys(map[string]string{"oras-cache": "oras"})
	labels["app"] = "x"
	assert.DeepEqual(t, got, plan.Metadata{Labels: labels, Annotations: template.Annotations})
	assert.DeepEqual(t, template.Labels, map[string]string{"app": "x"})
}

func TestATemplateInheritsAConflictToo(t *testing.T) {
	job := plan.Metadata{
		Labels:      keys(map[string]string{"oras-cache": "a", "output-uri": "x"}),
		Annotations: keys(map[string]string{"oras-cache": "b"}),
	}
	_, _, err := plan.Parse(plan.Metadata{}.Inherit(job))
	assert.ErrorContains(t, err, `the label says "a" and the annotation "b"`)
}
