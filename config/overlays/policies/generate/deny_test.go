package main

import (
	"fmt"
	"strings"
	"testing"

	"gotest.tools/v3/assert"
	appsv1 "k8s.io/api/apps/v1"
	batchv1 "k8s.io/api/batch/v1"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/converged-computing/oras-operator/pkg/plan"
)

func prefixes(values map[string]string) map[string]string {
	all := map[string]string{}
	for name, value := range values {
		all[prefix+name] = value
	}
	return all
}

// Each mistake is denied by package plan too, and told in the same words where its error is not of its own making.
func TestMistakesAreDenied(t *testing.T) {
	own := map[string]bool{"there is no such key": true, "a container twice": true, "more than 255": true, "begins no placeholder": true, "too many characters": true, "4095 bytes": true}
	s := newServer(t, versions()["1.30"])
	for _, test := range []struct{ key, value, want string }{
		{"input-url", "a", "there is no such key"},
		{"input-uri_x", "a", "there is no such key"},
		{"input-uri_-1", "a", "there is no such key"},
		{"input-uri_99999999999999999999", "a", "there is no such key"},
		{"oras-cache_1", "a", "there is no such key"},
		{"input-uri", "", `the value is empty; write one, such as "step-1:latest", or remove the key`},
		{"debug", "{pod}", "holds a placeholder ({…}), which this key does not take; write the value out"},
		{"oras-cache", "Oras", "is not a name; names have at most 63"},
		{"registry", "https://ghcr.io", "is not host or host:port"},
		{"registry", "ghcr.io:0", "is not host or host:port"},
		{"registry", "[::1", "is not host or host:port"},
		{"input-uri", "oci://ghcr.io/a", "is a URL"},
		{"input-uri", "a/", "is no artifact: a repository has lower case"},
		{"input-uri", "Team/step", "is no artifact: a repository has lower case"},
		{"input-uri", strings.Repeat("a", 256), "more than 255"},
		{"input-uri", strings.Repeat("a", 2049), "too many characters"},
		{"input-uri", "a:", "has no valid tag"},
		{"input-uri", "a@sha256:abc", "has no valid digest"},
		{"input-uri", "a-**", "holds **"},
		{"input-uri", "a-{x}", "begins no placeholder"},
		{"input-uri", "a-{attempt}", "begins no placeholder"},
		{"output-uri", "localhost:5000/a", "names the host of a registry"},
		{"output-uri", "a-*", "holds a *, which only an input may"},
		{"output-uri", "a-{0..9}", "begins no placeholder"},
		{"output-uri", "a@sha256:" + strings.Repeat("0a", 32), "has a digest, which an output has only once it is pushed"},
		{"output-uri", "{job}/:x", "is no artifact: a repository has lower case"},
		{"input-path", "../b", "leaves the working directory"},
		{"input-path", "/", "belongs to the system"},
		{"input-path", "/etc/hosts", "belongs to the system"},
		{"input-path", "/oras/bin", "belongs to the operator; choose a directory"},
		{"input-path", "/{pod}", "begins with a placeholder"},
		{"output-path", "a\nb", "on one line"},
		{"output-path", "a ", "begins or ends with a space"},
		{"output-path", "/" + strings.Repeat("a", 4096), "4095 bytes"},
		{"output-path", "/oras/run", "belongs to the operator; choose a path"},
		{"output-path", "a/**", "holds **"},
		{"output-pipe", "logs/", "is a directory; name a file in it"},
		{"input-path_4", "/in", "has no input-uri_4 beside it; set that key, or remove this one"},
		{"input-count_4", "2", "has no input-uri_4 beside it"},
		{"output-path_4", "out", "has no output-uri_4 beside it"},
		{"output-container_4", "app", "has no output-uri_4 beside it"},
		{"input-wait", "10", "is not a duration"},
		{"input-wait", "-1s", "is negative"},
		{"pull-timeout", "0s", "is no time at all"},
		{"push-timeout", "0", "is no time at all"},
		{"input-count", "0", "is no number of artifacts"},
		{"output-on", "sometimes", "is not one of success, failure, always; write one of them"},
		{"output-empty", "ignore", "is not one of fail, skip, push; write one of them"},
		{"wrap", "perhaps", "is not one of auto, always, never; write one of them"},
		{"compression", "zstd", "is not one of auto, none, gzip; write one of them"},
		{"container", "a,,b", "is not a list of container names"},
		{"container", "a, a", "a container twice"},
		{"unpack", "maybe", "is neither true nor false; write one of the two"},
		{"plain-http", "no", "is neither true nor false; write one of the two"},
		{"input-optional", "no", "is neither true nor false; write one of the two"},
		{"oras-env", "My_Secret", "is not the name of a Secret"},
		{"credentials", "My_Secret", "is not the name of a Secret"},
		{"sidecar-cpu", "0", "is less than 1m"},
		{"sidecar-cpu", "2:1", "has a limit below the request; write 500m or 500m:2"},
		{"sidecar-memory", "512", "is less than 32Mi"},
		{"sidecar-memory", "lots", "is not a quantity of Kubernetes"},
		{"sidecar-memory", "1Gi:", "is not a quantity of Kubernetes"},
	} {
		t.Run(test.key+"="+test.value[:min(len(test.value), 20)], func(t *testing.T) {
			values := map[string]string{"registry": "r.example.org", "input-uri": "a-*", "output-uri": "b"}
			values[test.key] = test.value
			m := plan.Metadata{Annotations: prefixes(values)}
			answer := s.decide(t, "deployments", deployment(m))
			assert.Assert(t, strings.HasPrefix(answer, "this Deployment cannot be a step of a workflow: spec.template: "+test.key+": "), answer)
			assert.Assert(t, strings.Contains(answer, test.want), answer)
			assert.Assert(t, !strings.Contains(answer, "; spec.template: "), "one mistake looks like two: %s", answer)
			_, _, err := plan.Parse(m)
			if !own[test.want] {
				assert.ErrorContains(t, err, test.want)
			}
			assert.Assert(t, err != nil)
		})
	}
}

func TestMistakesBetweenKeysAreDenied(t *testing.T) {
	s := newServer(t, versions()["1.30"])
	for name, test := range map[string]struct {
		labels, annotations map[string]string
		want                string
	}{
		"label and annotation differ": {
			map[string]string{"oras-cache": "a", "output-uri": "x"}, map[string]string{"oras-cache": "b"},
			`oras-cache: the label says "a" and the annotation "b"; keep one of the two`,
		},
		"no registry is named": {
			map[string]string{"output-uri": "x"}, nil,
			"oras-cache: the key is missing; set it to the name of an OrasCache of this namespace, or set registry",
		},
		"there is nothing to do": {
			map[string]string{"oras-cache": "oras"}, nil,
			"output-uri: the step has neither an input nor an output; set input-uri or output-uri, or remove the other keys",
		},
		"a default path has no input": {
			map[string]string{"oras-cache": "oras", "output-uri": "a"}, map[string]string{"input-path": "/data"},
			`input-path: "/data" has no input-uri beside it; set that key, or remove this one`,
		},
		"an OrasCache is told how to be spoken to": {
			map[string]string{"oras-cache": "oras", "output-uri": "a", "plain-http": "true"}, nil,
			"plain-http: the key is for the key registry only, and an OrasCache tells itself how to speak to it; remove the key",
		},
		"an OrasCache is given credentials": {
			map[string]string{"oras-cache": "oras", "output-uri": "a", "credentials": "x"}, nil,
			"credentials: the key is for the key registry only, and an OrasCache lets the steps of its namespace in itself; remove the key",
		},
		"there are two ways to log in": {
			map[string]string{"registry": "r", "output-uri": "a", "credentials": "x", "oras-env": "y"}, nil,
			"oras-env: the key stands beside credentials; keep one of the two",
		},
		"there are two mistakes": {
			map[string]string{"oras-cache": "oras", "output-uri": "a", "debug": "yes", "wrap": "so"}, nil,
			`debug: "yes" is neither true nor false; write one of the two; spec.template: wrap: "so" is not one of auto, always, never; write one of them`,
		},
	} {
		t.Run(name, func(t *testing.T) {
			m := plan.Metadata{Labels: prefixes(test.labels), Annotations: prefixes(test.annotations)}
			assert.Equal(t, s.decide(t, "deployments", deployment(m)), "this Deployment cannot be a step of a workflow: spec.template: "+test.want)
			_, _, err := plan.Parse(m)
			assert.Assert(t, err != nil)
		})
	}
}

// A template has the keys of its Job that it lacks itself.
func TestAJobsKeysAreThoseOfItsTemplate(t *testing.T) {
	s := newServer(t, versions()["1.30"])
	job := func(own, template map[string]string) *batchv1.Job {
		return &batchv1.Job{TypeMeta: meta("batch", "Job"), ObjectMeta: metav1.ObjectMeta{Annotations: prefixes(own)}, Spec: batchv1.JobSpec{
			Template: corev1.PodTemplateSpec{ObjectMeta: metav1.ObjectMeta{Labels: prefixes(template)}},
		}}
	}
	right := map[string]string{"oras-cache": "oras", "output-uri": "a"}
	assert.Equal(t, s.decide(t, "jobs", job(right, nil)), "")
	assert.Equal(t, s.decide(t, "jobs", job(map[string]string{"oras-cache": "Oras"}, right)), "", "the template's own come first")
	assert.Equal(t, s.decide(t, "jobs", job(map[string]string{"input-path_1": "/in"}, map[string]string{"oras-cache": "o", "input-uri_1": "a"})), "")
	assert.Equal(t, s.decide(t, "jobs", job(map[string]string{"debug": "si"}, right)),
		`this Job cannot be a step of a workflow: debug: "si" is neither true nor false; write one of the two`)
	differing := job(right, nil)
	differing.Labels = prefixes(map[string]string{"oras-cache": "other"})
	assert.Equal(t, s.decide(t, "jobs", differing),
		`this Job cannot be a step of a workflow: oras-cache: the label says "other" and the annotation "oras"; keep one of the two`)
}

func TestKeysOfADeploymentItselfAreNoneOfItsTemplate(t *testing.T) {
	s := newServer(t, versions()["1.30"])
	d := &appsv1.Deployment{TypeMeta: meta("apps", "Deployment"), ObjectMeta: metav1.ObjectMeta{Labels: prefixes(map[string]string{"debug": "si"})}}
	assert.Equal(t, s.decide(t, "deployments", d), "")
}

// The API server bounds what an expression may cost, and refuses what costs more: a large step must not.
func TestManyKeysAreNotTooMany(t *testing.T) {
	s := newServer(t, versions()["1.30"])
	values := map[string]string{"oras-cache": "oras"}
	for i := range 400 {
		values[fmt.Sprintf("input-uri_%d", i)] = fmt.Sprintf("team/project/artifact-{index}-%d:v1", i)
		values[fmt.Sprintf("input-path_%d", i)] = fmt.Sprintf("/data/inputs/%d", i)
		values[fmt.Sprintf("output-uri_%d", i)] = fmt.Sprintf("team/project/result-{index}-%d:v1", i)
		values[fmt.Sprintf("output-path_%d", i)] = fmt.Sprintf("/data/outputs/%d", i)
	}
	assert.Equal(t, s.decide(t, "deployments", deployment(plan.Metadata{Annotations: prefixes(values)})), "")
	template := batchv1.JobSpec{Template: corev1.PodTemplateSpec{ObjectMeta: metav1.ObjectMeta{
		Annotations: prefixes(map[string]string{"oras-cache": "oras", "input-uri": "a", "input-path": "/data/{pod}", "output-uri": "b-{index}", "output-path": "out"}),
	}}}
	jobs := make([]batchv1.JobSpec, 100)
	for i := range jobs {
		jobs[i] = template
	}
	assert.Equal(t, s.decide(t, "jobsets", jobSet(jobs...)), "")
}

func TestMoreMistakesThanAMessageHoldsAreDeniedInShort(t *testing.T) {
	s := newServer(t, versions()["1.30"])
	values := map[string]string{"oras-cache": "oras"}
	for i := range 100 {
		values[fmt.Sprintf("output-uri_%d", i)] = "A"
	}
	assert.Equal(t, s.decide(t, "deployments", deployment(plan.Metadata{Annotations: prefixes(values)})),
		"keys of oras.converged-computing.github.io/ have mistakes, more than fit here; config/steps.md of the operator lists what each may be")
}
