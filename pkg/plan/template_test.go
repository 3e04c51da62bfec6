package plan_test

import (
	"errors"
	"strings"
	"testing"

	"gotest.tools/v3/assert"

	"github.com/converged-computing/oras-operator/pkg/placeholder"
	"github.com/converged-computing/oras-operator/pkg/plan"
)

func TestPlaceholdersStayUntilTheyAreKnown(t *testing.T) {
	p, warnings, err := plan.Parse(plan.Metadata{Annotations: keys(map[string]string{
		"oras-cache": "oras", "input-uri": "{namespace}/point-{index}", "input-path": "/data/{pod}/./{{x}",
		"output-uri": "out/{job}:{container}-{attempt}", "output-path": "{container}/*.txt", "output-pipe": "{pod}.log",
		"shim-flags": "--stdout-to={namespace}.log",
	})})
	assert.NilError(t, err)
	assert.Equal(t, len(warnings), 0)
	assert.DeepEqual(t, p.Inputs, []plan.Input{{
		Key: "input-uri", PathKey: "input-path", Artifact: "{namespace}/point-{index}:latest", Path: "/data/{pod}/{{x}",
	}})
	assert.DeepEqual(t, p.Outputs, []plan.Output{{
		Key: "output-uri", PathKey: "output-path", ContainerKey: "output-container",
		Artifact: "out/{job}:{container}-{attempt}", Path: "{container}/*.txt",
	}})
	filled := p.Fill(placeholder.Values{placeholder.Namespace: "team", placeholder.Pod: "pod-0", placeholder.Container: "app"})
	assert.Equal(t, filled.Inputs[0].Artifact, "team/point-{index}:latest")
	assert.Equal(t, filled.Inputs[0].Path, "/data/pod-0/{{x}")
	assert.Equal(t, filled.Outputs[0].Artifact, "out/{job}:app-{attempt}")
	assert.Equal(t, filled.Outputs[0].Path, "app/*.txt")
	assert.Equal(t, filled.OutputPipe, "pod-0.log")
	assert.DeepEqual(t, filled.ShimFlags, []string{"--stdout-to=team.log"})
	assert.Equal(t, p.Inputs[0].Artifact, "{namespace}/point-{index}:latest", "the plan itself has changed")
	assert.Equal(t, p.ShimFlags[0], "--stdout-to={namespace}.log", "the plan itself has changed")
}

func TestAnInputMayStandForSeveralArtifacts(t *testing.T) {
	for name, artifact := range map[string]string{
		"a pattern in the repository":             "sweep/point-*:v1",
		"a pattern in the tag":                    "sweep/point:*",
		"a range":                                 "sweep/point-{0..199}:v1",
		"several of them, and a placeholder":      "*/{1..2}-{pod}:{0..3}-*",
		"as many artifacts as a range may":        "point-{1..10000}:v1",
		"a whole part of the repository, escaped": "sweep/*/x:v1",
	} {
		t.Run(name, func(t *testing.T) {
			p, _, err := plan.Parse(plan.Metadata{Annotations: keys(map[string]string{"oras-cache": "oras", "input-uri": artifact})})
			assert.NilError(t, err)
			assert.Equal(t, p.Inputs[0].Artifact, artifact)
		})
	}
}

func TestSettingsOfInputsAreTheirOwnOrForAll(t *testing.T) {
	p, _, err := plan.Parse(plan.Metadata{Annotations: keys(map[string]string{
		"oras-cache": "oras", "input-uri_1": "a-*", "input-uri_2": "b-*", "input-uri_3": "c",
		"input-count": "3", "input-count_2": "5", "input-optional": "true", "input-optional_2": "false",
	})})
	assert.NilError(t, err)
	assert.DeepEqual(t, p.Inputs, []plan.Input{
		{Key: "input-uri_1", PathKey: "input-path", Artifact: "a-*:latest", Count: 3, Optional: true},
		{Key: "input-uri_2", PathKey: "input-path", Artifact: "b-*:latest", Count: 5},
		{Key: "input-uri_3", PathKey: "input-path", Artifact: "c:latest", Optional: true},
	})
}

func TestSettingsOfTheStepAreRead(t *testing.T) {
	p, _, err := plan.Parse(plan.Metadata{Labels: keys(map[string]string{
		"oras-cache": "oras", "output-uri": "a", "output-on": "failure", "output-empty": "push", "wrap": "never",
	})})
	assert.NilError(t, err)
	assert.Equal(t, p.OutputOn, "failure")
	assert.Equal(t, p.OutputEmpty, "push")
	assert.Equal(t, p.Wrap, plan.WrapNever)
}

func TestSettingsOfOutputsThatAreNotThereAreWarnings(t *testing.T) {
	_, warnings, err := plan.Parse(plan.Metadata{Annotations: keys(map[string]string{
		"oras-cache": "oras", "input-uri": "a", "output-on": "always", "output-empty": "skip",
	})})
	assert.NilError(t, err)
	assert.DeepEqual(t, warnings, []string{
		"output-on has no effect: the step has no output", "output-empty has no effect: the step has no output",
	})
}

func TestOneTextMayBeAnArtifactOfEachContainer(t *testing.T) {
	values := map[string]string{
		"oras-cache": "oras", "output-uri_1": "out-{container}", "output-container_1": "a", "output-uri_2": "out-{container}", "output-container_2": "b",
	}
	_, _, err := plan.Parse(plan.Metadata{Annotations: keys(values)})
	assert.NilError(t, err)
	values["output-container_2"] = "a"
	_, _, err = plan.Parse(plan.Metadata{Annotations: keys(values)})
	assert.ErrorContains(t, err, `output-uri_2: "out-{container}" is the same artifact as output-uri_1`)
	values["output-uri_1"], values["output-uri_2"], values["output-container_2"] = "out", "out", "b"
	_, _, err = plan.Parse(plan.Metadata{Annotations: keys(values)})
	assert.ErrorContains(t, err, `output-uri_2: "out" is the same artifact as output-uri_1`)
}

// Every mistake names its key and its value and says what to do.
func TestMistakesInTemplatesAndPatternsAreNamed(t *testing.T) { // E56
	cases := map[string]struct {
		key, value string
		want       string
	}{
		"a placeholder where none belongs":        {"registry", "{namespace}.example.org", "which this key does not take; write the value out"},
		"a placeholder that does not exist":       {"output-uri", "a-{uid}", "{uid} is no placeholder; there are {namespace}, {pod}"},
		"a brace that is not closed":              {"output-path", "a{b", "write {{ for a literal brace"},
		"a literal brace in an artifact":          {"input-uri", "a{{b", "lower case letters"},
		"a placeholder in a digest":               {"input-uri", "a@sha256:{pod}", "no valid digest"},
		"the attempt in an input":                 {"input-uri", "a-{attempt}", "known only when the container starts"},
		"the attempt in an input's path":          {"input-path", "/data/{attempt}", "known only when the container starts"},
		"an input at a placeholder":               {"input-path", "/{namespace}/data", "begin with a directory, such as /data/{pod}"},
		"an input at a placeholder, in disguise":  {"input-path", "/data/../x{pod}", "begin with a directory, such as /data/{pod}"},
		"an input in a placeholder below /etc":    {"input-path", "/etc/{pod}", "belongs to the system"},
		"an input above a placeholder":            {"input-path", "{pod}/../../b", "write an absolute path"},
		"an output among the operator's, by name": {"output-path", "/oras/{container}", "belongs to the operator"},
		"a range in an output":                    {"output-uri", "a-{0..3}", "only the artifact of an input may; write each value out"},
		"a range in a path":                       {"input-path", "/data/{0..3}", "only the artifact of an input may; write each value out"},
		"a range that ends before it starts":      {"input-uri", "a-{3..2}", "ends before it starts"},
		"a range of too many":                     {"input-uri", "a-{0..10000}", "more than 10000 artifacts"},
		"ranges of too many":                      {"input-uri", "a-{1..100}-{0..100}", "more than 10000 artifacts"},
		"an artifact that is too long":            {"input-uri", strings.Repeat("{0..1}", 400), "an artifact has at most 2048"},
		"a range and a digest":                    {"input-uri", "a-{0..3}@" + digest, "leave one of the two out"},
		"a pattern and a digest":                  {"input-uri", "a-*:v1@" + digest, "leave one of the two out"},
		"a pattern for a digest":                  {"input-uri", "a@*", "no valid digest"},
		"a pattern across slashes":                {"input-uri", "a/**", "write a * for each part of the repository"},
		"a pattern of an artifact to push":        {"output-uri", "a-*", "only an input may; name each artifact"},
		"a pattern across directories":            {"output-path", "out/**/x", "pushed with all that is in it"},
		"a pattern that is not closed":            {"output-path", "out/[a-", `write \[ for the character itself`},
		"a count that is no number":               {"input-count", "many", "write a whole number above zero, such as 50"},
		"a count of zero":                         {"input-count", "0", "write a whole number above zero, such as 50"},
		"a count of a single artifact":            {"input-count_1", "2", "input-uri_1 has none; write a * in it, or remove this key"},
		"a count without an input":                {"input-count_4", "2", "has no input-uri_4 beside it"},
		"an option that is no truth":              {"input-optional", "maybe", "write one of the two"},
		"an option without an input":              {"input-optional_4", "true", "has no input-uri_4 beside it"},
		"an outcome that does not exist":          {"output-on", "error", "is not one of success, failure, always; write one of them"},
		"an emptiness that does not exist":        {"output-empty", "ignore", "is not one of fail, skip, push; write one of them"},
		"a wrap that does not exist":              {"wrap", "maybe", "is not one of auto, always, never; write one of them"},
		"a pipe to a directory":                   {"output-pipe", "logs/", "name a file in it, such as log.txt"},
		"a pipe to the working directory":         {"output-pipe", ".", "name a file in it, such as log.txt"},
		"a pipe to the directory of outputs":      {"output-pipe", "/oras/out", "name a file in it, such as log.txt"},
		"a pipe among the operator's":             {"output-pipe", "/oras/run/x", "belongs to the operator"},
		"a pipe with a line break":                {"output-pipe", "a\nb", "one line"},
		"a pipe with an unknown placeholder":      {"output-pipe", "{x}.log", "is no placeholder"},
	}
	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			values := map[string]string{"oras-cache": "oras", "input-uri": "a-*", "input-uri_1": "a", "output-uri": "b"}
			values[tc.key] = tc.value
			_, _, err := plan.Parse(plan.Metadata{Annotations: keys(values)})
			assert.ErrorContains(t, err, tc.want)
			var problem *plan.Problem
			assert.Assert(t, errors.As(err, &problem))
			assert.Equal(t, problem.Key, tc.key)
			if len(tc.value) <= 2048 {
				assert.Equal(t, problem.Value, tc.value)
			}
			assert.Equal(t, strings.Count(err.Error(), "\n"), 0, "one mistake is one sentence: %v", err)
		})
	}
}
