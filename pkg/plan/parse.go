package plan

import (
	"slices"
	"strings"

	"k8s.io/apimachinery/pkg/api/resource"

	"github.com/converged-computing/oras-operator/pkg/apis/v1alpha1"
)

// maxKeys is how many keys an object may have: more than anybody writes, and not so many that reading them keeps others waiting.
const maxKeys = 1000

// Parse reads the keys of one object. The error joins a Problem for every mistake, sorted by key. Warnings are sentences
// for the person who made the object; they come with a valid Plan and with an error alike.
func Parse(m Metadata) (Plan, []string, error) {
	given := userKeys(m)
	if len(given) > maxKeys {
		var ps problems
		ps.add(given[0], "", "is one of %d keys, and an object may have %d; take several artifacts at once with a * or a range, such as point-{0..199}", len(given), maxKeys)
		return Plan{}, nil, ps.err()
	}
	found, warnings, ps := gather(m)
	r := reader{settings: found, given: given, problems: ps, warnings: warnings}
	p := Plan{
		Cache:       r.name(v1alpha1.KeyCache),
		Registry:    r.host(v1alpha1.KeyRegistry),
		PlainHTTP:   r.optionalBool(v1alpha1.KeyPlainHTTP),
		Inputs:      r.inputs(),
		Outputs:     r.outputs(),
		OutputOn:    r.choice(v1alpha1.KeyOutputOn),
		OutputEmpty: r.choice(v1alpha1.KeyOutputEmpty),
		OutputPipe:  r.outputPipe(),
		Containers:  r.names(v1alpha1.KeyContainer),
		Wrap:        Wrap(r.choice(v1alpha1.KeyWrap)),
		Archives:    r.isFalse(v1alpha1.KeyUnpack),
		Compression: r.choice(v1alpha1.KeyCompression),
		Credentials: r.secret(v1alpha1.KeyCredentials),
		OrasEnv:     r.secret(v1alpha1.KeyOrasEnv),
		SidecarCPU:  r.amount(v1alpha1.KeySidecarCPU, resource.MustParse("1m"), "500m or 500m:2"),
		SidecarMem:  r.amount(v1alpha1.KeySidecarMemory, resource.MustParse("32Mi"), "512Mi or 512Mi:1Gi"),
		ShimFlags:   r.shimFlags(),
		PullTimeout: r.timeout(v1alpha1.KeyPullTimeout),
		PushTimeout: r.timeout(v1alpha1.KeyPushTimeout),
		Debug:       r.bool(v1alpha1.KeyDebug),
	}
	r.checkWhole()
	r.checkUnwaited(p.OutputPipe, p.ShimFlags)
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

// checkWhole finds what no single key is to blame for.
func (r *reader) checkWhole() {
	r.checkRegistry()
	for _, key := range []string{v1alpha1.KeyInputPath, v1alpha1.KeyInputOptional, v1alpha1.KeyInputCount} {
		r.checkPairs(key, v1alpha1.KeyInputURI, r.hasAny(v1alpha1.KeyInputURI))
	}
	r.checkPairs(v1alpha1.KeyOutputPath, v1alpha1.KeyOutputURI, false)
	r.checkPairs(v1alpha1.KeyOutputContainer, v1alpha1.KeyOutputURI, false)
	r.checkCounts()
	r.checkCredentials()
	inputs, outputs := len(r.numbers(v1alpha1.KeyInputURI)), len(r.numbers(v1alpha1.KeyOutputURI))
	if inputs+outputs == 0 && len(r.problems) == 0 {
		r.add(v1alpha1.KeyOutputURI, "", "the step has neither an input nor an output; set input-uri or output-uri, or remove the other keys")
	}
	r.warnIdle(v1alpha1.KeyInputWait, v1alpha1.KeyInputURI, "input")
	r.warnIdle(v1alpha1.KeyUnpack, v1alpha1.KeyInputURI, "input")
	r.warnIdle(v1alpha1.KeyCompression, v1alpha1.KeyOutputURI, "output")
	r.warnIdle(v1alpha1.KeyOutputOn, v1alpha1.KeyOutputURI, "output")
	r.warnIdle(v1alpha1.KeyOutputEmpty, v1alpha1.KeyOutputURI, "output")
}

// warnIdle tells of a setting of artifacts of which there are none.
func (r *reader) warnIdle(key, artifact, kind string) {
	if _, given := r.one(key); given && !r.hasAny(artifact) {
		r.warnings = append(r.warnings, key+" has no effect: the step has no "+kind)
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

// checkCredentials finds credentials that are for nothing, or one too many.
func (r *reader) checkCredentials() {
	if value, given := r.one(v1alpha1.KeyCredentials); given && !r.has(v1alpha1.KeyRegistry, unnumbered) {
		r.add(v1alpha1.KeyCredentials, value, "is for the key registry only, and an OrasCache lets the steps of its namespace in itself; remove the key")
	}
	if value, given := r.one(v1alpha1.KeyOrasEnv); given && r.has(v1alpha1.KeyCredentials, unnumbered) {
		r.add(v1alpha1.KeyOrasEnv, value, "stands beside credentials; keep one of the two")
	}
}

// checkPairs finds settings of key whose number no artifact has. The unnumbered one may stand for every artifact.
func (r *reader) checkPairs(key, artifact string, forAll bool) {
	for _, n := range r.numbers(key) {
		if n == unnumbered && forAll {
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
