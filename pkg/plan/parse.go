package plan

import (
	"slices"
	"strings"

	"github.com/converged-computing/oras-operator/pkg/apis/v1alpha1"
)

// Parse reads the keys of one object. The error joins a Problem for every mistake, sorted by key. Warnings are sentences
// for the person who made the object; they come with a valid Plan and with an error alike.
func Parse(m Metadata) (Plan, []string, error) {
	found, warnings, ps := gather(m)
	r := reader{settings: found, given: userKeys(m), problems: ps, warnings: warnings}
	p := Plan{
		Cache:       r.name(v1alpha1.KeyCache),
		Registry:    r.host(v1alpha1.KeyRegistry),
		PlainHTTP:   r.optionalBool(v1alpha1.KeyPlainHTTP),
		Inputs:      r.inputs(),
		Outputs:     r.outputs(),
		Containers:  r.names(v1alpha1.KeyContainer),
		PullTimeout: r.timeout(v1alpha1.KeyPullTimeout),
		PushTimeout: r.timeout(v1alpha1.KeyPushTimeout),
		Debug:       r.bool(v1alpha1.KeyDebug),
	}
	r.checkWhole()
	if err := r.err(); err != nil {
		return Plan{}, r.warnings, err
	}
	return p, r.warnings, nil
}

// reader turns settings into values and notes what is wrong with them.
type reader struct {
	settings
	problems
	given    []string // names of all keys of the object, those with mistakes too
	warnings []string
}

func (r *reader) inputs() []Input {
	wait := r.wait(v1alpha1.KeyInputWait)
	defaultKey := keyName(v1alpha1.KeyInputPath, unnumbered)
	defaultPath := r.inputPath(unnumbered)
	var inputs []Input
	for _, n := range r.numbers(v1alpha1.KeyInputURI) {
		in := Input{Key: keyName(v1alpha1.KeyInputURI, n), PathKey: defaultKey, Path: defaultPath, Wait: wait}
		in.Artifact = r.inputReference(in.Key, r.settings[v1alpha1.KeyInputURI][n])
		if _, own := r.settings[v1alpha1.KeyInputPath][n]; own && n != unnumbered {
			in.PathKey, in.Path = keyName(v1alpha1.KeyInputPath, n), r.inputPath(n)
		}
		inputs = append(inputs, in)
	}
	return inputs
}

func (r *reader) inputPath(n int) string {
	value, ok := r.settings[v1alpha1.KeyInputPath][n]
	if !ok {
		return ""
	}
	return r.cleanInputPath(keyName(v1alpha1.KeyInputPath, n), value)
}

func (r *reader) outputs() []Output {
	var outputs []Output
	for _, n := range r.numbers(v1alpha1.KeyOutputURI) {
		out := Output{
			Key:          keyName(v1alpha1.KeyOutputURI, n),
			PathKey:      keyName(v1alpha1.KeyOutputPath, n),
			ContainerKey: keyName(v1alpha1.KeyOutputContainer, n),
			Container:    r.settings[v1alpha1.KeyOutputContainer][n],
		}
		value := r.settings[v1alpha1.KeyOutputURI][n]
		out.Artifact = r.outputReference(out.Key, value)
		if path, ok := r.settings[v1alpha1.KeyOutputPath][n]; ok {
			out.Path = r.cleanOutputPath(out.PathKey, path)
		}
		twin := slices.IndexFunc(outputs, func(o Output) bool { return o.Artifact == out.Artifact })
		if twin >= 0 && out.Artifact != "" {
			r.add(out.Key, value, "is the same artifact as %s; give each output its own", outputs[twin].Key)
		}
		outputs = append(outputs, out)
	}
	return outputs
}

// checkWhole finds what no single key is to blame for.
func (r *reader) checkWhole() {
	r.checkRegistry()
	r.checkPairs(v1alpha1.KeyInputPath, v1alpha1.KeyInputURI)
	r.checkPairs(v1alpha1.KeyOutputPath, v1alpha1.KeyOutputURI)
	r.checkPairs(v1alpha1.KeyOutputContainer, v1alpha1.KeyOutputURI)
	inputs, outputs := len(r.numbers(v1alpha1.KeyInputURI)), len(r.numbers(v1alpha1.KeyOutputURI))
	if inputs+outputs == 0 && len(r.problems) == 0 {
		r.add(v1alpha1.KeyOutputURI, "", "the step has neither an input nor an output; set input-uri or output-uri, or remove the other keys")
	}
	if _, waits := r.one(v1alpha1.KeyInputWait); waits && !r.hasAny(v1alpha1.KeyInputURI) {
		r.warnings = append(r.warnings, "input-wait has no effect: the step has no input")
	}
}

func (r *reader) checkRegistry() {
	hasCache, hasRegistry := r.has(v1alpha1.KeyCache, unnumbered), r.has(v1alpha1.KeyRegistry, unnumbered)
	if !hasCache && !hasRegistry {
		r.add(v1alpha1.KeyCache, "", "the key is missing; set it to the name of an OrasCache of this namespace, or set registry")
	}
	if plain, given := r.one(v1alpha1.KeyPlainHTTP); given && hasCache && !hasRegistry {
		r.add(v1alpha1.KeyPlainHTTP, plain, "is for the key registry only, and an OrasCache tells itself how to speak to it; remove the key")
	}
}

// checkPairs finds settings of key whose number no artifact has. An unnumbered input-path stands for every input.
func (r *reader) checkPairs(key, artifact string) {
	for _, n := range r.numbers(key) {
		if key == v1alpha1.KeyInputPath && n == unnumbered && r.hasAny(artifact) {
			continue
		}
		if !r.has(artifact, n) {
			r.add(keyName(key, n), r.settings[key][n], "has no %s beside it; set that key, or remove this one", keyName(artifact, n))
		}
	}
}

// has tells whether a key is given at all, with a mistake in it or without.
func (r *reader) has(base string, n int) bool {
	_, ok := r.settings[base][n]
	return ok || slices.Contains(r.given, keyName(base, n))
}

// hasAny is has for any number.
func (r *reader) hasAny(base string) bool {
	return slices.ContainsFunc(r.given, func(name string) bool { return name == base || strings.HasPrefix(name, base+"_") })
}
