package plan

import (
	"strings"

	"github.com/converged-computing/oras-operator/pkg/apis/v1alpha1"
)

func (r *reader) inputs() []Input {
	wait := r.wait(v1alpha1.KeyInputWait)
	path := perInput(r, v1alpha1.KeyInputPath, r.cleanInputPath)
	optional := perInput(r, v1alpha1.KeyInputOptional, r.isTrue)
	count := perInput(r, v1alpha1.KeyInputCount, r.count)
	var inputs []Input
	for _, n := range r.numbers(v1alpha1.KeyInputURI) {
		value := r.settings[v1alpha1.KeyInputURI][n]
		in := Input{Key: keyName(v1alpha1.KeyInputURI, n), Wait: wait}
		in.Artifact = r.inputReference(in.Key, value)
		in.PathKey, in.Path = path(n)
		_, in.Optional = optional(n)
		if strings.Contains(value, "*") {
			_, in.Count = count(n)
		}
		inputs = append(inputs, in)
	}
	return inputs
}

// perInput reads the values of a key, each once. It returns what they say of the input with a number: the value of that
// number, else the unnumbered one, and the key that it has.
func perInput[T any](r *reader, base string, read func(key, value string) T) func(n int) (string, T) {
	values := map[int]T{}
	for _, n := range r.numbers(base) {
		values[n] = read(keyName(base, n), r.settings[base][n])
	}
	return func(n int) (string, T) {
		if value, own := values[n]; own {
			return keyName(base, n), value
		}
		return base, values[unnumbered]
	}
}

// checkCounts finds numbers of artifacts for inputs that name a single one.
func (r *reader) checkCounts() {
	const remedy = "counts what a * matches, and %s has none; write a * in it, or remove this key"
	uris := r.settings[v1alpha1.KeyInputURI]
	gathering := 0
	for _, uri := range uris {
		gathering += strings.Count(uri, "*")
	}
	for _, n := range r.numbers(v1alpha1.KeyInputCount) {
		key, value := keyName(v1alpha1.KeyInputCount, n), r.settings[v1alpha1.KeyInputCount][n]
		uri, ok := uris[n]
		switch {
		case n == unnumbered && len(uris) > 0 && gathering == 0:
			r.add(key, value, remedy, v1alpha1.KeyInputURI)
		case n != unnumbered && ok && !strings.Contains(uri, "*"):
			r.add(key, value, remedy, keyName(v1alpha1.KeyInputURI, n))
		}
	}
}
