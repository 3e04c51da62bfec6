package main

import (
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"gotest.tools/v3/assert"
	appsv1 "k8s.io/api/apps/v1"
	batchv1 "k8s.io/api/batch/v1"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/converged-computing/oras-operator/pkg/apis/v1alpha1"
	"github.com/converged-computing/oras-operator/pkg/plan"
)

// What the webhooks make of a manifest, and the manifest as a template, which they are content with, the policies admit.
func TestWhatTheWebhooksAdmitIsAdmitted(t *testing.T) {
	for version, v := range versions() {
		s := newServer(t, v)
		for _, file := range manifests(t, "*/golden.yaml") {
			for _, name := range []string{"golden.yaml", "input.yaml"} {
				data, err := os.ReadFile(filepath.Join(filepath.Dir(file), name))
				assert.NilError(t, err)
				switch object := decode(t, data).(type) {
				case *corev1.Pod:
					if name == "golden.yaml" {
						assert.Equal(t, s.decide(t, "pods", object), "", "%s: %s", version, file)
					}
					for resource, w := range makers(template(object)) {
						assert.Equal(t, s.decide(t, resource, w), "", "%s: a template of %s: %s", version, resource, file)
					}
				case *batchv1.Job:
					assert.Equal(t, s.decide(t, "jobs", object), "", "%s: %s", version, file)
				default:
					t.Fatalf("%s is a %T", file, object)
				}
			}
		}
	}
}

// Whatever the value of a key, the policies are content where package plan is. Most mistakes they do find.
func TestNoPolicyIsStricterThanAKey(t *testing.T) {
	s := newServer(t, versions()["1.30"])
	var valid, wrong, found int
	for _, key := range v1alpha1.Keys() {
		for _, value := range append(candidates(key), key.Example) {
			values := map[string]string{"registry": "r.example.org", "input-uri": "a-*", "output-uri": "b"}
			values[key.Name] = value
			m := plan.Metadata{Annotations: prefixes(values)}
			_, _, err := plan.Parse(m)
			answer := s.decide(t, "deployments", deployment(m))
			if err == nil {
				valid++
				assert.Equal(t, answer, "", "%s=%q", key.Name, value)
				continue
			}
			wrong++
			if answer != "" {
				found++
			}
		}
	}
	t.Logf("%d valid; of %d mistakes, %d denied", valid, wrong, found)
	assert.Assert(t, valid > 150 && found*10 > wrong*8, "%d valid; of %d mistakes, %d denied", valid, wrong, found)
}

// As for one key, so for several together.
func TestNoPolicyIsStricterThanTheKeysTogether(t *testing.T) {
	s := newServer(t, versions()["1.30"])
	random := rand.New(rand.NewPCG(1, 2)) // the same each time
	valid := 0
	for range 4000 {
		m := guess(random)
		if _, _, err := plan.Parse(m); err == nil {
			valid++
			assert.Equal(t, s.decide(t, "deployments", deployment(m)), "", "%v", m)
		}
	}
	assert.Assert(t, valid > 300, "%d valid ones prove little", valid)
}

// A form of values that is new needs values to guess from, and a check, if CEL can make one.
func TestEveryFormOfValuesIsGuessedAt(t *testing.T) {
	for _, key := range v1alpha1.Keys() {
		if !key.Ignored {
			assert.Assert(t, len(candidates(key)) > 0, "%s is %q", key.Name, key.Value())
		}
	}
}

// guess makes up keys, right ones for the most part.
func guess(random *rand.Rand) plan.Metadata {
	m := plan.Metadata{Labels: map[string]string{}, Annotations: map[string]string{}}
	set := func(name, value string) {
		if random.IntN(2) == 0 {
			m.Labels[v1alpha1.KeyPrefix+name] = value
		}
		if random.IntN(20) == 0 || m.Labels[v1alpha1.KeyPrefix+name] == "" {
			m.Annotations[v1alpha1.KeyPrefix+name] = value
		}
	}
	if random.IntN(30) > 0 {
		set(pick(random, "oras-cache", "registry"), pick(random, "oras", "oras", "a-1", "Oras"))
	}
	if random.IntN(30) > 0 {
		set(pick(random, "output-uri", "input-uri_1", "input-uri", "output-uri_01"), pick(random, artifacts()...))
	}
	all := v1alpha1.Keys()
	for range random.IntN(4) {
		key := all[random.IntN(len(all))]
		name := key.Name
		if key.Numbered && random.IntN(3) == 0 {
			name += pick(random, "_0", "_1", "_1", "_01", "_x", "_", "_99999999999999999999")
		}
		values := slices.Concat([]string{key.Example, key.Example, key.Example, ""}, candidates(key))
		set(name, pick(random, values...))
	}
	return m
}

func pick(random *rand.Rand, from ...string) string { return from[random.IntN(len(from))] }

func artifacts() []string {
	digest := "@sha256:" + strings.Repeat("0a", 32)
	return []string{
		"a", "a", "a/b:v1", "a", "a" + digest, "a:v1" + digest, "a@sha256:0", "A", "a:", "a/", "a//b", "a__b", "a___b", "a-._b", "a:-x",
		"a-{index}", "a-{pod}:{attempt}", "a-*", "a:*", "a/**", "a-{0..9}", "a-{9..0}", "a-{0..-1}", "{{a", "a{{pod}", "a-{x}", "a{", "a}", "{pod}:{job}",
		"a:{namespace}" + digest, "oci://a", "localhost:5000/a", strings.Repeat("a", 255), strings.Repeat("a", 256), "a:" + strings.Repeat("b", 128), "a b", "a\n", "ä",
	}
}

// candidates are values that are nearly right, or nearly wrong, by the form that the table of keys says they have.
func candidates(key v1alpha1.Key) []string {
	if len(key.Words) > 0 {
		return append(key.Words, "sometimes", strings.ToUpper(key.Words[0]), key.Words[0]+" ")
	}
	paths := []string{
		"a", "/a", "..", "../a", "/", "//", "/.", "/a/..", "/a/../etc", "/etc/../a", "/etc", "/etc/", "/etcetera", "//etc/x", "/./etc", "/oras", "/oras/out",
		"/oras/./out", "//oras//out", "/oras/out/../run", "/oras/run", "/orasx", "/oras/outx", "/oras/{pod}", "/oras/out/{index}", "/{pod}/a", "/{pod}", "/{{pod}/a",
		"/x{pod}/a", "/data/{pod}", "{attempt}", "{{attempt}", "a ", " a", "a\tb", "a\u0085b", "a\u00a0", "{x}", "{", "a/**", "*.txt", "[a", "[a-z]", "a/", ".", "./", "a/.", "x{0..3}",
		"/{pod}/../a", "/proc/{pod}", "/dev", "/sys/..", strings.Repeat("a", 4095), strings.Repeat("a", 4096), strings.Repeat("ä", 4095),
	}
	quantities := []string{"0", "1m", "0.9m", "999u", "500m:1", "1:500m", "1:1", "1:", ":1", "1:2:3", "32Mi", "31Mi", "32Mi:1Gi", "1Gi:32Mi", "1e9", "1E9", "-1", "+64Mi", "lots", " 1", "33554432", "33554431", "1Ei"}
	return map[v1alpha1.KeyForm][]string{
		v1alpha1.FormName:     {"a", "A", "-a", "a-", strings.Repeat("a", 63), strings.Repeat("a", 64), "a.b", "{a}", "a\n"},
		v1alpha1.FormHost:     {"ghcr.io", "ghcr.io:443", "ghcr.io:0", "ghcr.io:65536", "ghcr.io:00080", "[::1]", "[::1]:5000", "::1", "[::1", "[fe80::1%eth0]:1", "a..b", "a.-b", "-a", "GHCR.io", "https://a", "a/b", "a:", ":5000", "1.2.3.4:5"},
		v1alpha1.FormBool:     {"1", "t", "T", "TRUE", "True", "0", "f", "F", "False", "yes", "tRue", "on", "true "},
		v1alpha1.FormNumber:   {"1", "0", "-1", "+3", "007", "1.5", "a", "1_000", "99999999999999999999", "00", "10000"},
		v1alpha1.FormDuration: {"0", "-0", "+0", "-0s", "0s", "+1s", "-1s", "1", "1h30m", "1.5h", ".5s", "5.s", ".s", "1us", "1µs", "1μs", "-0.0000000001ns", "-0s1ms", "1d", "1 s", "--1s", "-.5s", "-0.5s", "0.0000000001ns", "0h0m", "9999999h"},
		v1alpha1.FormQuantity: quantities, v1alpha1.FormPath: paths, v1alpha1.FormPattern: paths,
		v1alpha1.FormInput: artifacts(), v1alpha1.FormOutput: artifacts(),
		v1alpha1.FormSecret: {"a", "a.b", "A", "a_b", "-a", "a..b", strings.Repeat("a", 253), strings.Repeat("a", 254), strings.Repeat("a.", 126) + "a"},
		v1alpha1.FormNames:  {"a,b", strings.Repeat("a,", 100) + "b", "a, b", " a", "a,,b", "a,a", "a, a", "A", ",", "a,\u00a0b", strings.Repeat("a", 64)},
		v1alpha1.FormFlags:  {"--debug", "--dry-run", "'", "--breakpoint before"},
	}[key.Form]
}

// manifests lists files of the golden manifests of packages inject and webhook.
func manifests(t *testing.T, name string) []string {
	t.Helper()
	var all []string
	for _, pkg := range []string{"inject", "webhook"} {
		files, err := filepath.Glob(filepath.Join("../../../../pkg", pkg, "testdata", name))
		assert.NilError(t, err)
		assert.Assert(t, len(files) > 4, "%s has only %v", pkg, files)
		all = append(all, files...)
	}
	return all
}

func template(pod *corev1.Pod) corev1.PodTemplateSpec {
	return corev1.PodTemplateSpec{ObjectMeta: metav1.ObjectMeta{Labels: pod.Labels, Annotations: pod.Annotations}, Spec: pod.Spec}
}

func deployment(m plan.Metadata) *appsv1.Deployment {
	return &appsv1.Deployment{TypeMeta: meta("apps", "Deployment"), Spec: appsv1.DeploymentSpec{Template: corev1.PodTemplateSpec{
		ObjectMeta: metav1.ObjectMeta{Labels: m.Labels, Annotations: m.Annotations},
	}}}
}
