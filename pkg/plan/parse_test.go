package plan_test

import (
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"gotest.tools/v3/assert"

	"github.com/converged-computing/oras-operator/pkg/apis/v1alpha1"
	"github.com/converged-computing/oras-operator/pkg/plan"
)

// keys prefixes the names of keys.
func keys(values map[string]string) map[string]string {
	prefixed := map[string]string{}
	for name, value := range values {
		prefixed[v1alpha1.KeyPrefix+name] = value
	}
	return prefixed
}

const digest = "sha256:e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"

func TestKeysBecomeAPlan(t *testing.T) {
	cases := map[string]struct {
		labels, annotations map[string]string
		want                plan.Plan
	}{
		"two labels are the smallest step": {
			labels: map[string]string{"oras-cache": "oras", "output-uri": "step-1"},
			want: plan.Plan{Cache: "oras", Outputs: []plan.Output{
				{Key: "output-uri", PathKey: "output-path", ContainerKey: "output-container", Artifact: "step-1:latest"},
			}},
		},
		"inputs are in numeric order, the unnumbered one first": {
			annotations: map[string]string{
				"oras-cache": "oras", "input-uri_10": "c", "input-uri_9": "b", "input-uri": "a", "input-uri_0": "z",
				"input-path_9": "/nine", "input-path_0": "zero",
			},
			want: plan.Plan{Cache: "oras", Inputs: []plan.Input{
				{Key: "input-uri", PathKey: "input-path", Artifact: "a:latest"},
				{Key: "input-uri_0", PathKey: "input-path_0", Artifact: "z:latest", Path: "zero"},
				{Key: "input-uri_9", PathKey: "input-path_9", Artifact: "b:latest", Path: "/nine"},
				{Key: "input-uri_10", PathKey: "input-path", Artifact: "c:latest"},
			}},
		},
		"the unnumbered path is for every input without its own": {
			annotations: map[string]string{
				"oras-cache": "oras", "input-path": "/data/", "input-uri_1": "a", "input-uri_2": "b", "input-path_2": "./b//c",
				"input-wait": "90s",
			},
			want: plan.Plan{Cache: "oras", Inputs: []plan.Input{
				{Key: "input-uri_1", PathKey: "input-path", Artifact: "a:latest", Path: "/data", Wait: 90 * time.Second},
				{Key: "input-uri_2", PathKey: "input-path_2", Artifact: "b:latest", Path: "b/c", Wait: 90 * time.Second},
			}},
		},
		"an input may be pinned, with or without a tag": {
			annotations: map[string]string{"oras-cache": "oras", "input-uri_1": "a/b@" + digest, "input-uri_2": "a/b:v1@" + digest},
			want: plan.Plan{Cache: "oras", Inputs: []plan.Input{
				{Key: "input-uri_1", PathKey: "input-path", Artifact: "a/b@" + digest},
				{Key: "input-uri_2", PathKey: "input-path", Artifact: "a/b:v1@" + digest},
			}},
		},
		"the working directory is no path for an input and a dot for an output": {
			annotations: map[string]string{"oras-cache": "oras", "input-uri": "a", "input-path": "./", "output-uri": "b", "output-path": "./"},
			want: plan.Plan{
				Cache:   "oras",
				Inputs:  []plan.Input{{Key: "input-uri", PathKey: "input-path", Artifact: "a:latest"}},
				Outputs: []plan.Output{{Key: "output-uri", PathKey: "output-path", ContainerKey: "output-container", Artifact: "b:latest", Path: "."}},
			},
		},
		"every other key is read": {
			labels: map[string]string{"debug": "true", "pull-timeout": "5m", "plain-http": "false", "container": "app"},
			annotations: map[string]string{
				"registry": "ghcr.io", "container": "app", "push-timeout": "1h30m", "output-uri_3": "x:v1",
				"output-path_3": "../results", "output-container_3": "app",
			},
			want: plan.Plan{
				Registry: "ghcr.io", PlainHTTP: new(false), Containers: []string{"app"}, Debug: true,
				PullTimeout: 5 * time.Minute, PushTimeout: 90 * time.Minute,
				Outputs: []plan.Output{{
					Key: "output-uri_3", PathKey: "output-path_3", ContainerKey: "output-container_3",
					Artifact: "x:v1", Path: "../results", Container: "app",
				}},
			},
		},
		"several containers may have spaces between them": {
			annotations: map[string]string{"registry": "[::1]:5000", "container": "a, b", "input-uri": "x"},
			want: plan.Plan{
				Registry: "[::1]:5000", Containers: []string{"a", "b"},
				Inputs: []plan.Input{{Key: "input-uri", PathKey: "input-path", Artifact: "x:latest"}},
			},
		},
		"what the operator itself has written is no key": {
			labels:      map[string]string{"injected": "true", "oras-cache": "oras", "output-uri": "a"},
			annotations: map[string]string{"status": "{anything}"},
			want: plan.Plan{Cache: "oras", Outputs: []plan.Output{
				{Key: "output-uri", PathKey: "output-path", ContainerKey: "output-container", Artifact: "a:latest"},
			}},
		},
	}
	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			if tc.want.PullTimeout == 0 {
				tc.want.PullTimeout = plan.DefaultTimeout
			}
			if tc.want.PushTimeout == 0 {
				tc.want.PushTimeout = plan.DefaultTimeout
			}
			got, warnings, err := plan.Parse(plan.Metadata{Labels: keys(tc.labels), Annotations: keys(tc.annotations)})
			assert.NilError(t, err)
			assert.Equal(t, len(warnings), 0)
			assert.DeepEqual(t, got, tc.want)
		})
	}
}

// mistake is a value of one key that cannot be meant, and what its error holds.
type mistake struct{ key, value, want string }

// mistakes are those that can be made in a single key, by what is wrong. config/steps.md shows them to users.
func mistakes() map[string]mistake {
	return map[string]mistake{
		"a key that does not exist":              {"input-url", "a", "did you mean input-uri?"},
		"an unknown key with a number":           {"output-url_7", "a", "did you mean output-uri_7?"},
		"a number that is none":                  {"input-uri_x", "a", "did you mean input-uri?"},
		"a negative number":                      {"input-uri_-1", "a", "did you mean input-uri?"},
		"a number too large to count":            {"input-uri_99999999999999999999", "a", "there is no such key"},
		"a number where none belongs":            {"oras-cache_1", "a", "did you mean oras-cache?"},
		"a compression that there is not":        {"compression", "zstd", "is not one of auto, none, gzip"},
		"a Secret with a name that none has":     {"oras-env", "My_Secret", "is not the name of a Secret"},
		"memory without a unit":                  {"sidecar-memory", "512", "is less than 32Mi"},
		"memory that is none":                    {"sidecar-memory", "lots", "write 512Mi or 512Mi:1Gi"},
		"a limit below the request":              {"sidecar-cpu", "2:1", "has a limit below the request"},
		"a limit that is missing":                {"sidecar-cpu", "2:", "is not a quantity"},
		"no processor time at all":               {"sidecar-cpu", "0", "is less than 1m"},
		"an unpack that is neither":              {"unpack", "maybe", "neither true nor false"},
		"an empty value":                         {"input-uri", "", `write one, such as "step-1:latest"`},
		"a URL":                                  {"input-uri", "oci://ghcr.io/a", "is a URL"},
		"the host of a registry":                 {"output-uri", "localhost:5000/a", "the host in the key registry"},
		"upper case in a repository":             {"input-uri", "Team/step", "lower case letters"},
		"a repository that ends in a slash":      {"input-uri", "a/", "lower case letters"},
		"a repository that is too long":          {"input-uri", strings.Repeat("a", 256), "at most 255"},
		"an empty tag":                           {"input-uri", "a:", "no valid tag"},
		"a tag that begins with a dash":          {"output-uri", "a:-b", "no valid tag"},
		"a tag that is too long":                 {"output-uri", "a:" + strings.Repeat("b", 129), "no valid tag"},
		"a digest that is too short":             {"input-uri", "a@sha256:abc", "no valid digest"},
		"an empty digest":                        {"input-uri", "a@", "no valid digest"},
		"the digest of an output":                {"output-uri", "a@" + digest, "only once it is pushed"},
		"an input at the root":                   {"input-path", "/", "belongs to the system"},
		"an input at the root, in disguise":      {"input-path", "/data/..", "belongs to the system"},
		"an input over the kubelet's /etc/hosts": {"input-path", "/etc/hosts", "belongs to the system"},
		"an input in /etc":                       {"input-path", "/etc/", "belongs to the system"},
		"an input below /proc":                   {"input-path", "/proc/1", "belongs to the system"},
		"an input in /sys":                       {"input-path", "/sys", "belongs to the system"},
		"an input below /dev":                    {"input-path", "/dev/shm/x", "belongs to the system"},
		"an input over the loader of programs":   {"input-path", "/lib64", "belongs to the system"},
		"an input over programs":                 {"input-path", "/usr/bin/", "belongs to the system"},
		"an input over the pod's token":          {"input-path", "/var/run/secrets/kubernetes.io/serviceaccount", "belongs to the system"},
		"an input among the operator's":          {"input-path", "/oras/bin", "belongs to the operator"},
		"an input above its directory":           {"input-path", "a/../../b", "write an absolute path"},
		"an output among the operator's":         {"output-path", "/oras/run", "belongs to the operator"},
		"a line break in a path":                 {"output-path", "a\nb", "one line"},
		"a space after a path":                   {"output-path", "a ", "remove it"},
		"a path that is too long":                {"output-path", "/" + strings.Repeat("a", 4096), "at most 4095"},
		"a duration without a unit":              {"input-wait", "10", "such as 10m"},
		"a negative duration":                    {"input-wait", "-1s", "is negative"},
		"no time to pull":                        {"pull-timeout", "0s", "above zero"},
		"no time to push":                        {"push-timeout", "0", "above zero"},
		"neither true nor false":                 {"debug", "yes", "neither true nor false"},
		"a cache that is no name":                {"oras-cache", "Oras", "is not a name"},
		"a registry with a scheme":               {"registry", "https://ghcr.io", "no scheme and no path"},
		"a registry with a path":                 {"registry", "ghcr.io/team", "no scheme and no path"},
		"a registry with a bad port":             {"registry", "ghcr.io:http", "no scheme and no path"},
		"a registry with port 0":                 {"registry", "ghcr.io:0", "no scheme and no path"},
		"a registry that is a broken address":    {"registry", "[::1", "no scheme and no path"},
		"an empty container":                     {"container", "a,,b", "write name or name,name"},
		"too many containers":                    {"container", strings.Repeat("a,", 100) + "a", "names 101 containers; a step has at most 100"},
		"a container named twice":                {"container", "a,a", `names container "a" twice`},
		"an output path without an output":       {"output-path_4", "out", "has no output-uri_4 beside it"},
		"an input path without an input":         {"input-path_4", "/in", "has no input-uri_4 beside it"},
		"a container without an output":          {"output-container_4", "app", "has no output-uri_4 beside it"},
	}
}

// parse reads keys that are right but for the mistake.
func (m mistake) parse() error {
	values := map[string]string{"registry": "r.example.org", "input-uri": "a", "output-uri": "b"}
	values[m.key] = m.value
	_, _, err := plan.Parse(plan.Metadata{Annotations: keys(values)})
	return err
}

// Every mistake names its key and its value and says what to do.
func TestMistakesAreNamed(t *testing.T) {
	for name, tc := range mistakes() {
		t.Run(name, func(t *testing.T) {
			err := tc.parse()
			assert.ErrorContains(t, err, tc.want)
			var problem *plan.Problem
			assert.Assert(t, errors.As(err, &problem))
			assert.Equal(t, problem.Key, tc.key)
			if shown, cut := strings.CutSuffix(problem.Value, "…"); cut {
				assert.Assert(t, strings.HasPrefix(tc.value, shown))
			} else if problem.Value != "" {
				assert.Equal(t, problem.Value, tc.value)
			}
			assert.Equal(t, strings.Count(err.Error(), "\n"), 0, "one mistake is one sentence: %v", err)
		})
	}
}

func TestKeysThatNobodyCanHaveWrittenAreNotRead(t *testing.T) {
	many := map[string]string{"oras-cache": "oras"}
	for n := range 999 {
		many[fmt.Sprintf("output-uri_%d", n)] = fmt.Sprintf("a-%d", n)
	}
	_, _, err := plan.Parse(plan.Metadata{Labels: keys(many)})
	assert.NilError(t, err)
	many["output-uri_999"] = "a-999"
	_, _, err = plan.Parse(plan.Metadata{Labels: keys(many)})
	assert.Error(t, err, "oras-cache: is one of 1001 keys, and an object may have 1000; take several artifacts at once with a * or a range, such as point-{0..199}")
}

func TestMistakesBetweenKeysAreNamed(t *testing.T) {
	cases := map[string]struct {
		labels, annotations map[string]string
		want                string
	}{
		"label and annotation differ": {
			labels:      map[string]string{"oras-cache": "a", "output-uri": "x"},
			annotations: map[string]string{"oras-cache": "b"},
			want:        `oras-cache: the label says "a" and the annotation "b"; keep one of the two`,
		},
		"no registry is named": {
			labels: map[string]string{"output-uri": "x"},
			want:   "oras-cache: the key is missing; set it to the name of an OrasCache of this namespace, or set registry",
		},
		"there is nothing to do": {
			labels: map[string]string{"oras-cache": "oras"},
			want:   "output-uri: the step has neither an input nor an output; set input-uri or output-uri, or remove the other keys",
		},
		"two outputs are one artifact": {
			annotations: map[string]string{"oras-cache": "oras", "output-uri_1": "a", "output-uri_2": "a:latest"},
			want:        `output-uri_2: "a:latest" is the same artifact as output-uri_1; give each output its own`,
		},
		"a default path has no input": {
			annotations: map[string]string{"oras-cache": "oras", "output-uri": "a", "input-path": "/data"},
			want:        `input-path: "/data" has no input-uri beside it; set that key, or remove this one`,
		},
		"one number is written in two ways": {
			annotations: map[string]string{"oras-cache": "oras", "input-uri_1": "a", "input-uri_01": "b"},
			want:        `input-uri_1: "a" is given twice: the number 1 of input-uri is written in two ways; keep one of the two`,
		},
		"an OrasCache is told how to be spoken to": {
			labels: map[string]string{"oras-cache": "oras", "output-uri": "a", "plain-http": "true"},
			want:   `plain-http: "true" is for the key registry only, and an OrasCache tells itself how to speak to it; remove the key`,
		},
		"a file is named by what only a shim that waits learns": {
			annotations: map[string]string{"oras-cache": "oras", "output-uri": "a", "output-pipe": "log-{attempt}-{pod}.txt", "shim-flags": "--no-wait"},
			want:        `output-pipe: "log-{attempt}-{pod}.txt" holds {pod} in the name of a file, which the shim learns while it waits for the inputs, and with --no-wait in shim-flags it does not wait; remove either, or write {namespace}, {container} or {attempt}`,
		},
		"a flag names a file so": {
			annotations: map[string]string{"oras-cache": "oras", "output-uri": "a", "output-pipe": "log.txt", "shim-flags": "--stdout-to={index} --no-wait"},
			want:        `shim-flags: "--stdout-to={index} --no-wait" holds {index} in the name of a file, which the shim learns while it waits for the inputs, and with --no-wait in shim-flags it does not wait; remove either, or write {namespace}, {container} or {attempt}`,
		},
	}
	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			_, _, err := plan.Parse(plan.Metadata{Labels: keys(tc.labels), Annotations: keys(tc.annotations)})
			assert.Error(t, err, tc.want)
		})
	}
}

func TestAShimThatDoesNotWaitMayNameAFileByWhatItKnows(t *testing.T) {
	cases := map[string]struct{ pipe, flags string }{
		"what is known at admission, or to it": {"{namespace}/{container}-{attempt}", "--no-wait"},
		"a literal brace":                      {"{{pod}", "--no-wait"},
		"it does wait":                         {"{pod}-{job}-{index}", "--no-wait=false"},
		"it waits after all":                   {"{pod}", "--no-wait --no-wait=false"},
		"a flag that names another file":       {"{pod}", "--no-wait --stdout-to={job} --stdout-to=log"},
	}
	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			_, _, err := plan.Parse(plan.Metadata{Annotations: keys(map[string]string{
				"oras-cache": "oras", "output-uri": "a", "output-pipe": tc.pipe, "shim-flags": tc.flags,
			})})
			assert.NilError(t, err)
		})
	}
}

func TestAllMistakesAreToldAtOnceInOrder(t *testing.T) {
	_, _, err := plan.Parse(plan.Metadata{Annotations: keys(map[string]string{
		"oras-cache": "oras", "output-uri": "A", "input-uri_2": "a:", "input-uri_1": "B", "debgu": "true", "input-wait": "soon",
	})})
	var got []string
	for line := range strings.SplitSeq(err.Error(), "\n") {
		key, _, _ := strings.Cut(line, ":")
		got = append(got, key)
	}
	assert.DeepEqual(t, got, []string{"debgu", "input-uri_1", "input-uri_2", "input-wait", "output-uri"})
}

func TestOneMistakeDoesNotLookLikeTwo(t *testing.T) {
	cases := map[string]map[string]string{
		"an input that has a path":         {"input-uri_1": "{x}", "input-path": "/data"},
		"an input that is counted":         {"input-uri_1": "{x}*", "input-count_1": "2", "input-optional_1": "true"},
		"an input that has its own path":   {"input-uri_1": "A", "input-path_1": "/data"},
		"an output that has a path":        {"output-uri_2": "{x}", "output-path_2": "out"},
		"a path with a zero before number": {"output-uri_02": "B", "output-path_02": "out"},
		"an input that is waited for":      {"input-uri": "{x}", "input-wait": "1m"},
	}
	for name, values := range cases {
		t.Run(name, func(t *testing.T) {
			values["oras-cache"] = "oras"
			_, warnings, err := plan.Parse(plan.Metadata{Annotations: keys(values)})
			assert.Assert(t, err != nil)
			assert.Equal(t, strings.Count(err.Error(), "\n"), 0, "%v", err)
			assert.Equal(t, len(warnings), 0)
		})
	}
}

func TestWarnings(t *testing.T) {
	cases := map[string]struct {
		values map[string]string
		want   string
	}{
		"a key that is accepted for compatibility": {
			values: map[string]string{"entrypoint": "/bin/sh"},
			want:   `entrypoint: "/bin/sh" is ignored: the key is accepted for compatibility only and can be removed`,
		},
		"archives of nothing": {
			values: map[string]string{"unpack": "false"},
			want:   "unpack has no effect: the step has no input",
		},
		"a wait for nothing": {
			values: map[string]string{"input-wait": "1m"},
			want:   "input-wait has no effect: the step has no input",
		},
		"a shim that does not hold": {
			values: map[string]string{"shim-flags": "--no-hold"},
			want:   "shim-flags: with --no-hold, exit code 0 of the step then does not mean that its outputs are in the registry",
		},
		"a shim that only says what it would do": {
			values: map[string]string{"shim-flags": "--dry-run=true"},
			want:   "shim-flags: with --dry-run, exit code 0 of the step then does not mean that its outputs are in the registry",
		},
	}
	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			tc.values["oras-cache"], tc.values["output-uri"] = "oras", "a"
			_, warnings, err := plan.Parse(plan.Metadata{Annotations: keys(tc.values)})
			assert.NilError(t, err)
			assert.DeepEqual(t, warnings, []string{tc.want})
		})
	}
}

func TestTheSidecarIsGivenWhatTheKeysSay(t *testing.T) {
	for name, tc := range map[string]struct {
		value          string
		request, limit string
	}{
		"a request":                   {"512Mi", "512Mi", ""},
		"a request and a limit":       {"512Mi:1Gi", "512Mi", "1Gi"},
		"a limit that is the request": {"1Gi:1Gi", "1Gi", "1Gi"},
	} {
		t.Run(name, func(t *testing.T) {
			p, _, err := plan.Parse(plan.Metadata{Annotations: keys(map[string]string{
				"oras-cache": "oras", "output-uri": "a", "sidecar-memory": tc.value,
			})})
			assert.NilError(t, err)
			assert.Equal(t, p.SidecarMem.Request.String(), tc.request)
			limit := ""
			if p.SidecarMem.Limit != nil {
				limit = p.SidecarMem.Limit.String()
			}
			assert.Equal(t, limit, tc.limit)
			assert.Assert(t, p.SidecarCPU.Request == nil)
		})
	}
}

func TestCredentialsAreForAnotherRegistry(t *testing.T) {
	_, _, err := plan.Parse(plan.Metadata{Annotations: keys(map[string]string{"oras-cache": "oras", "output-uri": "a", "credentials": "one"})})
	assert.Error(t, err, `credentials: "one" is for the key registry only, and an OrasCache lets the steps of its namespace in itself; remove the key`)
}

func TestTwoWaysToLogInAreOneTooMany(t *testing.T) {
	_, _, err := plan.Parse(plan.Metadata{Annotations: keys(map[string]string{
		"registry": "ghcr.io", "output-uri": "a", "credentials": "one", "oras-env": "two",
	})})
	assert.Error(t, err, `oras-env: "two" stands beside credentials; keep one of the two`)
}

// A key is in exactly one of the states, whatever table says so: supported keys take their own example.
func TestEveryKeyDoesWhatTheTableSays(t *testing.T) {
	for _, key := range v1alpha1.Keys() {
		t.Run(key.Name, func(t *testing.T) {
			values := map[string]string{"registry": "r", "input-uri": "a-*", "output-uri": "b", key.Name: key.Example}
			_, warnings, err := plan.Parse(plan.Metadata{Annotations: keys(values)})
			assert.NilError(t, err)
			assert.Equal(t, len(warnings) == 1, key.Ignored, "%q", warnings)
		})
	}
}
