package webhook

import (
	"encoding/json"
	"fmt"
	"testing"

	"gotest.tools/v3/assert"
	admissionv1 "k8s.io/api/admission/v1"
	batchv1 "k8s.io/api/batch/v1"
	corev1 "k8s.io/api/core/v1"
	"k8s.io/utils/ptr"
	"sigs.k8s.io/controller-runtime/pkg/webhook/admission"
	"sigs.k8s.io/yaml"

	"github.com/converged-computing/oras-operator/pkg/inject"
)

const job = `
apiVersion: batch/v1
kind: Job
metadata:
  name: simulate
  labels: {oras.converged-computing.github.io/oras-cache: oras, team: a}
  annotations: {oras.converged-computing.github.io/output-uri: from-the-job:v1}
  fieldOfTheFuture: "1"
spec:
  backoffLimit: 0
  fieldOfTheFuture: "2"
  template:
    metadata:
      labels: {app: simulate}
    spec:
      fieldOfTheFuture: "3"
      restartPolicy: Never
      containers:
      - name: simulate
        image: busybox:1.37
        command: [sh, -c, make]
        args: [all]
        fieldOfTheFuture: "4"
`

func TestAJobIsInjectedInItsTemplate(t *testing.T) {
	raw := jobJSON(t)
	created, res := create(t, raw)
	assert.Equal(t, len(res.Warnings), 0)
	assert.Assert(t, inject.Injected(created.Spec.Template.Spec))
	assert.DeepEqual(t, created.Spec.Template.Labels, map[string]string{
		"app": "simulate",
		"oras.converged-computing.github.io/oras-cache": "oras",
		"oras.converged-computing.github.io/injected":   "true",
	})
	assert.Equal(t, created.Spec.Template.Annotations["oras.converged-computing.github.io/output-uri"], "from-the-job:v1")
	var before batchv1.Job
	assert.NilError(t, json.Unmarshal(raw, &before))
	assert.DeepEqual(t, created.ObjectMeta, before.ObjectMeta)
	assertSprinkled(t, raw, patch(t, raw, res))
}

// The pod that the Job controller makes of an injected template is not touched again, whatever it has been given since.
func TestThePodOfAnInjectedJobIsLeftAlone(t *testing.T) {
	created, _ := create(t, jobJSON(t))
	pod := corev1.Pod{ObjectMeta: created.Spec.Template.ObjectMeta, Spec: created.Spec.Template.Spec}
	pod.GenerateName = "simulate-"
	pod.Labels["batch.kubernetes.io/job-name"] = "simulate"
	pod.Spec.Volumes = append(pod.Spec.Volumes, corev1.Volume{Name: "kube-api-access-abcde"})
	res := send(t, mutator().handlePod, admissionv1.Create, encode(t, pod), nil)
	assert.Assert(t, res.Allowed)
	assert.Equal(t, len(res.Patches)+len(res.Warnings), 0)
}

func TestATemplatesKeysGoBeforeTheJobs(t *testing.T) {
	var j batchv1.Job
	assert.NilError(t, yaml.Unmarshal([]byte(job), &j))
	j.Spec.Template.Labels["oras.converged-computing.github.io/output-uri"] = "from-the-template"
	created, _ := create(t, encode(t, j))
	assert.Assert(t, inject.Injected(created.Spec.Template.Spec))
	sidecar := created.Spec.Template.Spec.InitContainers[1]
	assert.Equal(t, sidecar.Command[len(sidecar.Command)-1],
		`--output={"container":"simulate","artifact":"from-the-template:latest","path":"/oras/out"}`)
	assert.Equal(t, created.Spec.Template.Annotations["oras.converged-computing.github.io/output-uri"], "")
}

func TestAJobIsDeniedForItsOwnKeys(t *testing.T) {
	var j batchv1.Job
	assert.NilError(t, yaml.Unmarshal([]byte(job), &j))
	j.Annotations["oras.converged-computing.github.io/output-url"] = "x"
	j.Annotations["oras.converged-computing.github.io/output-uri"] = "X"
	res := send(t, mutator().handleJob, admissionv1.Create, encode(t, j), nil)
	assert.Assert(t, !res.Allowed)
	assert.Equal(t, res.Result.Message, `this Job cannot be a step of a workflow:
- output-uri: "X" is no artifact: a repository has lower case letters and digits, with '.', '_', '-' or '/' between them, such as team/step-1
- output-url: there is no such key; did you mean output-uri?`)
}

// The pods of one Job must not overwrite each other's artifacts unnoticed.
func TestAJobOfSeveralPodsIsWarnedOfASharedArtifact(t *testing.T) {
	const warning = "output-uri: several pods push %s, and the last one wins; write {index} or {pod} into it for one of each"
	cases := map[string]struct {
		parallelism, completions *int32
		uri, want                string
	}{
		"pods side by side":        {parallelism: ptr.To[int32](2), uri: "a", want: fmt.Sprintf(warning, "a:latest")},
		"pods one after the other": {completions: ptr.To[int32](2), uri: "a-{job}", want: fmt.Sprintf(warning, "a-{job}:latest")},
		"each its own":             {parallelism: ptr.To[int32](2), completions: ptr.To[int32](8), uri: "a-{index}"},
		"each its own, by name":    {parallelism: ptr.To[int32](2), uri: "a:{pod}"},
		"a single pod":             {parallelism: ptr.To[int32](1), completions: ptr.To[int32](1), uri: "a"},
	}
	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			var j batchv1.Job
			assert.NilError(t, yaml.Unmarshal([]byte(job), &j))
			j.Spec.Parallelism, j.Spec.Completions = tc.parallelism, tc.completions
			j.Annotations["oras.converged-computing.github.io/output-uri"] = tc.uri
			_, res := create(t, encode(t, j))
			var want []string
			if tc.want != "" {
				want = []string{tc.want}
			}
			assert.DeepEqual(t, res.Warnings, want)
		})
	}
}

func TestTheRequestsNamespaceIsFilledIn(t *testing.T) {
	var j batchv1.Job
	assert.NilError(t, yaml.Unmarshal([]byte(job), &j))
	j.Annotations["oras.converged-computing.github.io/output-uri"] = "{namespace}/a"
	created, _ := create(t, encode(t, j))
	sidecar := created.Spec.Template.Spec.InitContainers[1]
	assert.Equal(t, sidecar.Command[len(sidecar.Command)-1], `--output={"container":"simulate","artifact":"default/a:latest","path":"/oras/out"}`)
}

func TestAJobWithoutKeysIsLeftAlone(t *testing.T) {
	var j batchv1.Job
	assert.NilError(t, yaml.Unmarshal([]byte(job), &j))
	j.Labels, j.Annotations = nil, nil
	for _, op := range []admissionv1.Operation{admissionv1.Create, admissionv1.Update, admissionv1.Delete} {
		res := send(t, mutator().handleJob, op, encode(t, j), encode(t, j))
		assert.Assert(t, res.Allowed)
		assert.Equal(t, len(res.Patches), 0)
	}
}

func create(t *testing.T, raw []byte) (batchv1.Job, admission.Response) {
	t.Helper()
	res := send(t, mutator().handleJob, admissionv1.Create, raw, nil)
	assert.Assert(t, res.Allowed, "%v", res.Result)
	var created batchv1.Job
	assert.NilError(t, json.Unmarshal(patch(t, raw, res), &created))
	return created, res
}

func jobJSON(t *testing.T) []byte {
	t.Helper()
	raw, err := yaml.YAMLToJSON([]byte(job))
	assert.NilError(t, err)
	return raw
}

func encode(t *testing.T, object any) []byte {
	t.Helper()
	raw, err := json.Marshal(object)
	assert.NilError(t, err)
	return raw
}
