package plan

import (
	"slices"
	"strings"

	"github.com/converged-computing/oras-operator/pkg/placeholder"
)

// maxGathered bounds how many artifacts the ranges of one input stand for.
const maxGathered = 10_000

// samples are values that placeholders may have: what they stand for later is a name or a number too, and so is as
// valid in an artifact or a path as these.
func samples() placeholder.Values {
	return placeholder.Values{
		placeholder.Namespace: "x",
		placeholder.Pod:       "x",
		placeholder.Job:       "x",
		placeholder.Index:     "0",
		placeholder.Container: "x",
		placeholder.Attempt:   "1",
	}
}

// sample returns what a value may become when its placeholders are filled in, to be checked in its place.
func (r *reader) sample(key, value string) (string, bool) {
	if !r.isTemplate(key, value) {
		return "", false
	}
	if placeholder.HasRange(value) {
		r.add(key, value, "holds a range {a..b}, which only the artifact of an input may; write each value out, under a number of its own")
		return "", false
	}
	return r.finish(key, value, value)
}

// inputSample is sample for the path of an input, which is there before any container starts.
func (r *reader) inputSample(key, value string) (string, bool) {
	if r.needsStart(key, value) {
		return "", false
	}
	return r.sample(key, value)
}

// gatheredSample is inputSample for an artifact, which may stand for several: one of them, with an x for each *.
func (r *reader) gatheredSample(key, value string) (string, bool) {
	if r.needsStart(key, value) || !r.isTemplate(key, value) {
		return "", false
	}
	first, err := placeholder.FirstOfRanges(value, maxGathered)
	if err != nil {
		r.add(key, value, "cannot be filled in: %v", err)
		return "", false
	}
	return r.finish(key, value, strings.ReplaceAll(first, "*", "x"))
}

func (r *reader) needsStart(key, value string) bool {
	needs := slices.Contains(placeholder.In(value), placeholder.Attempt)
	if needs {
		r.add(key, value, "holds {attempt}, which is known only when the container starts, after its inputs are there; leave it out")
	}
	return needs
}

func (r *reader) isTemplate(key, value string) bool {
	err := placeholder.Check(value)
	if err != nil {
		r.add(key, value, "cannot be filled in: %v", err)
	}
	return err == nil
}

func (r *reader) finish(key, value, text string) (string, bool) {
	sample, err := placeholder.Finish(text, samples())
	if err != nil {
		r.add(key, value, "cannot be filled in: %v", err)
	}
	return sample, err == nil
}
