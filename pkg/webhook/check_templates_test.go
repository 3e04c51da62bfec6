package webhook

import (
	"fmt"
	"strings"
	"testing"

	"gotest.tools/v3/assert"
	is "gotest.tools/v3/assert/cmp"
	admissionv1 "k8s.io/api/admission/v1"
	"sigs.k8s.io/yaml"
)

// pod is a template with an annotation, in YAML, so many columns in.
func pod(columns int, annotation string) string {
	text := fmt.Sprintf(`metadata:
  annotations: {oras.converged-computing.github.io/oras-cache: oras, oras.converged-computing.github.io/output-uri: a%s}
spec:
  restartPolicy: Never
  containers: [{name: app, image: solver}]
`, annotation)
	return strings.ReplaceAll(text, "\n", "\n"+strings.Repeat(" ", columns))
}

func TestTemplatesAreCheckedBeforeAnythingIsMadeOfThem(t *testing.T) {
	const key = ", oras.converged-computing.github.io/"
	for name, test := range map[string]struct {
		manifest         string
		denied, warnings []string
	}{
		"a Deployment": {
			manifest: "kind: Deployment\nspec:\n  template:\n    " + pod(4, key+"output-on: sometimes"),
			denied:   []string{`spec.template: output-on: "sometimes" is not one of success, failure, always; write one of them`},
		},
		"a CronJob": {
			manifest: "kind: CronJob\nspec:\n  jobTemplate:\n    metadata: {labels: {oras.converged-computing.github.io/output-url: b}}\n    spec:\n      template:\n        " + pod(8, ""),
			denied:   []string{`spec.jobTemplate: output-url: there is no such key; did you mean output-uri?`},
		},
		"a JobSet with two mistakes": {
			manifest: "kind: JobSet\nspec:\n  replicatedJobs:\n  - name: one\n    template:\n      spec:\n        template:\n          " + pod(10, key+"debug: si") +
				"\n  - name: two\n    template:\n      spec:\n        template:\n          " + pod(10, key+"wrap: so"),
			denied: []string{`spec.replicatedJobs[one].template: debug: "si"`, `spec.replicatedJobs[two].template: wrap: "so"`},
		},
		"a JobSet whose pods share an artifact": {
			manifest: "kind: JobSet\nspec:\n  replicatedJobs:\n  - name: one\n    template:\n      spec:\n        completions: 2\n        template:\n          " + pod(10, ""),
			warnings: []string{"spec.replicatedJobs[one].template: output-uri: several pods push a:latest"},
		},
		"a JobSet whose roles have the same keys, of the launcher alone": {
			manifest: "kind: JobSet\nspec:\n  replicatedJobs:\n  - name: worker\n    template:\n      spec:\n        template:\n          " + pod(10, key+"container: launcher") +
				"\n  - name: launcher\n    template:\n      spec:\n        template:\n          " + strings.ReplaceAll(pod(10, key+"container: launcher"), "name: app", "name: launcher"),
			warnings: []string{"spec.replicatedJobs[worker].template: container: a pod of this role has no launcher (it has app), so it is no step"},
		},
		"a JobSet that has no such launcher": {
			manifest: "kind: JobSet\nspec:\n  replicatedJobs:\n  - name: worker\n    template:\n      spec:\n        template:\n          " + pod(10, key+"container: leader"),
			denied:   []string{"container: no pod that the JobSet makes has such a container; name one that the pods of some role have"},
			warnings: []string{"spec.replicatedJobs[worker].template: container: a pod of this role has no leader (it has app), so it is no step"},
		},
		"keys where they do nothing": {
			manifest: "kind: CronJob\nmetadata: {labels: {oras.converged-computing.github.io/oras-cache: oras}}\nspec: {jobTemplate: {spec: {template: {spec: {containers: [{name: app}]}}}}}",
			warnings: []string{"metadata: oras-cache: has no effect on the CronJob itself; write it into spec.jobTemplate.metadata"},
		},
		"a template without keys":    {manifest: "kind: Deployment\nspec: {template: {spec: {containers: [{name: app}]}}}"},
		"one that is fine otherwise": {manifest: "kind: CronJob\nspec:\n  jobTemplate:\n    spec:\n      template:\n        " + pod(8, "")},
	} {
		t.Run(name, func(t *testing.T) {
			raw, err := yaml.YAMLToJSON([]byte(test.manifest))
			assert.NilError(t, err)
			res := send(t, mutator().handleTemplates, admissionv1.Create, raw, nil)
			assert.Equal(t, res.Allowed, len(test.denied) == 0, "%v", res.Result)
			assert.Equal(t, len(res.Patches), 0)
			for _, want := range test.denied {
				assert.Assert(t, is.Contains(res.Result.Message, want))
			}
			assert.Equal(t, len(res.Warnings), len(test.warnings), "%v", res.Warnings)
			for i, want := range test.warnings {
				assert.Assert(t, is.Contains(res.Warnings[i], want))
			}
		})
	}
}
