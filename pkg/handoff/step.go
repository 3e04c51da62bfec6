package handoff

import (
	"encoding/json"
	"flag"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/converged-computing/oras-operator/pkg/placeholder"
	"github.com/converged-computing/oras-operator/pkg/tree"
)

// Step is everything a sidecar has to do for its pod. The injector builds it and carries it in the sidecar's
// arguments (Args), the sidecar reads it back (BindFlags). It is never read from a volume: the application can write
// to volumes.
type Step struct {
	RunDir       Dir
	Registry     string // host[:port] of the registry
	PlainHTTP    bool   // speak HTTP, not HTTPS, to the registry
	Containers   []string
	Inputs       []Input
	Outputs      []Output
	PullTimeout  time.Duration // bound on pulling all inputs, the wait for an absent artifact not counted
	PushTimeout  time.Duration // bound on pushing all outputs of one attempt
	Archives     bool          // archives in inputs stay archives
	Compression  string        // of outputs: auto, none or gzip; empty: auto
	DockerConfig string        // Docker configuration file with credentials for the registry; empty: none
	TokenFile    string        // with a ServiceAccount token for the registry, read again as it changes; empty: none
	CAFile       string        // PEM file of who may sign the registry's certificate beside those that the system trusts; empty: nobody
	LoginDir     string        // directory with a file for each of ORAS_USER, ORAS_PASS, ORAS_PUSH_PASS and ORAS_PULL_PASS; empty: none
	Pod          PodIdentity
	Unwrapped    bool // no shims: the inputs are for a gate, the outputs lie on volumes and are pushed when the pod ends
	Gated        bool // an init container waits for the inputs too; a note of the injector's, which misses it where it is gone
	Debug        bool
}

// PodIdentity is where an artifact comes from, for its lineage and for placeholders. Fields may be empty.
type PodIdentity struct {
	Namespace string `json:"namespace,omitempty"`
	Name      string `json:"name,omitempty"`
	Job       string `json:"job,omitempty"`
	Index     string `json:"index,omitempty"` // completion index of the pod in an indexed Job
}

// Placeholders are the values by which placeholders in artifacts and paths are filled in; what is not known has none.
func (p PodIdentity) Placeholders() placeholder.Values {
	values := placeholder.Values{}
	for name, value := range map[string]string{
		placeholder.Namespace: p.Namespace,
		placeholder.Pod:       p.Name,
		placeholder.Job:       p.Job,
		placeholder.Index:     p.Index,
	} {
		if value != "" {
			values[name] = value
		}
	}
	return values
}

// Input is one artifact, or several, that must be in place before the command starts. Artifact, Path and Below may hold
// placeholders of package placeholder. An artifact with a * or a range {a..b} asks for every match, each of which goes to
// <repository>/<tag> below Path.
type Input struct {
	Artifact string   `json:"artifact"`           // repository[:tag][@digest], the tag defaults to latest
	Path     string   `json:"path,omitempty"`     // where the application sees it; empty is its working directory
	Mount    string   `json:"mount,omitempty"`    // where the sidecar has the volume that Path is on; empty: written through the shim
	Below    string   `json:"below,omitempty"`    // Path below Mount; empty: Mount itself
	Optional bool     `json:"optional,omitempty"` // a missing artifact is not an error
	Count    int      `json:"count,omitempty"`    // how many artifacts a * must match at least; 0: one
	Share    bool     `json:"share,omitempty"`    // the application may run as another user: readable and writable for all
	Wait     Duration `json:"wait,omitempty"`     // how long to wait for an artifact that does not exist yet
}

// Place is where the sidecar writes an input that lies on a volume. Nothing that is planted there leads it out of Mount.
func (in Input) Place() tree.Place { return tree.Place{Root: in.Mount, Path: in.Below} }

// Output is one artifact to push after a container's command has ended. Artifact, Path and Below may hold placeholders.
type Output struct {
	Container string `json:"container"`
	Artifact  string `json:"artifact"`        // repository[:tag], the tag defaults to latest
	Path      string `json:"path"`            // file, directory or glob; relative to the container's working directory
	Mount     string `json:"mount,omitempty"` // where the sidecar has the volume that Path is on; empty: only the shim sees it
	Below     string `json:"below,omitempty"` // Path below Mount; empty: Mount itself
	On        When   `json:"on,omitempty"`    // empty: OnSuccess
	Empty     Empty  `json:"empty,omitempty"` // empty: EmptyFail
}

// Place is where the sidecar reads an output that lies on a volume. Nothing that is planted there leads it out of Mount.
func (out Output) Place() tree.Place { return tree.Place{Root: out.Mount, Path: out.Below} }

// When says after which outcomes of the command an output is pushed.
type When string

// The outcomes.
const (
	OnSuccess When = "success" // exit code 0
	OnFailure When = "failure" // any other end
	OnAlways  When = "always"
)

// Wanted tells whether an output is pushed after a command that ended with the code.
func (w When) Wanted(exitCode int) bool {
	switch w {
	case OnAlways:
		return true
	case OnFailure:
		return exitCode != 0
	}
	return exitCode == 0
}

// Empty says what becomes of an output whose path matches nothing or holds nothing.
type Empty string

// What can become of it.
const (
	EmptyFail Empty = "fail" // the push fails, ExitRefused
	EmptySkip Empty = "skip" // nothing is pushed for it
	EmptyPush Empty = "push" // an empty artifact is pushed
)

// Duration is a time.Duration that reads and writes as text such as "10m".
type Duration time.Duration

// MarshalText writes d as time.Duration prints it.
func (d Duration) MarshalText() ([]byte, error) { return []byte(time.Duration(d).String()), nil }

// UnmarshalText reads what time.ParseDuration reads.
func (d *Duration) UnmarshalText(text []byte) error {
	v, err := time.ParseDuration(string(text))
	*d = Duration(v)
	return err
}

// Args returns the flags that BindFlags reads back into an equal Step.
func (s Step) Args() []string {
	args := []string{
		"--run-dir=" + string(s.RunDir),
		"--registry=" + s.Registry,
		fmt.Sprintf("--plain-http=%t", s.PlainHTTP),
		"--pull-timeout=" + s.PullTimeout.String(),
		"--push-timeout=" + s.PushTimeout.String(),
		"--namespace=" + s.Pod.Namespace,
		"--pod=" + s.Pod.Name,
		"--job=" + s.Pod.Job,
		"--index=" + s.Pod.Index,
	}
	for _, name := range s.Containers {
		args = append(args, "--container="+name)
	}
	for _, in := range s.Inputs {
		args = append(args, "--input="+encode(in))
	}
	for _, out := range s.Outputs {
		args = append(args, "--output="+encode(out))
	}
	if s.Archives {
		args = append(args, "--keep-archives")
	}
	for _, flag := range [][2]string{{"compression", s.Compression}, {"docker-config", s.DockerConfig}, {"login-dir", s.LoginDir}, {"token-file", s.TokenFile}, {"ca-file", s.CAFile}} {
		if flag[1] != "" {
			args = append(args, "--"+flag[0]+"="+flag[1])
		}
	}
	if s.Unwrapped {
		args = append(args, "--unwrapped")
	}
	if s.Gated {
		args = append(args, "--gated")
	}
	if s.Debug {
		args = append(args, "--debug")
	}
	return args
}

// BindFlags defines the flags of a Step on fs; parsing fs fills s.
func (s *Step) BindFlags(fs *flag.FlagSet) {
	fs.StringVar((*string)(&s.RunDir), "run-dir", string(DefaultDir), "`directory` of the hand-off's records and socket")
	fs.StringVar(&s.Registry, "registry", "", "`host[:port]` of the registry")
	fs.BoolVar(&s.PlainHTTP, "plain-http", false, "speak HTTP, not HTTPS, to the registry")
	fs.DurationVar(&s.PullTimeout, "pull-timeout", time.Hour, "bound on pulling the inputs")
	fs.DurationVar(&s.PushTimeout, "push-timeout", time.Hour, "bound on pushing the outputs of one attempt")
	fs.StringVar(&s.Pod.Namespace, "namespace", "", "namespace of the pod, for the artifacts' lineage")
	fs.StringVar(&s.Pod.Name, "pod", "", "`name` of the pod, for the artifacts' lineage")
	fs.StringVar(&s.Pod.Job, "job", "", "`name` of the pod's Job, for the artifacts' lineage")
	fs.StringVar(&s.Pod.Index, "index", "", "completion `index` of the pod in an indexed Job, for placeholders")
	fs.Func("container", "`name` of a wrapped container; may be repeated", func(v string) error {
		s.Containers = append(s.Containers, v)
		return nil
	})
	fs.Func("input", "an input as `JSON`: "+inputHelp+"; may be repeated", func(v string) error {
		return decode(v, &s.Inputs)
	})
	fs.Func("output", "an output as `JSON`: "+outputHelp+"; may be repeated", func(v string) error {
		return decode(v, &s.Outputs)
	})
	fs.BoolVar(&s.Archives, "keep-archives", false, "leave the archives of inputs that other clients made as they are")
	fs.StringVar(&s.Compression, "compression", "", "of outputs: auto, none or gzip")
	fs.StringVar(&s.DockerConfig, "docker-config", "", "Docker configuration `file` with credentials for the registry")
	fs.StringVar(&s.LoginDir, "login-dir", "", "`directory` with files ORAS_USER and ORAS_PASS, or ORAS_PUSH_PASS and ORAS_PULL_PASS")
	fs.StringVar(&s.TokenFile, "token-file", "", "`file` with a ServiceAccount token for the registry, read again as it changes")
	fs.StringVar(&s.CAFile, "ca-file", "", "PEM `file` of certificates to trust beside the system's, read again as it changes")
	fs.BoolVar(&s.Unwrapped, "unwrapped", false, "there are no shims: push what lies on volumes when the pod ends")
	fs.BoolVar(&s.Gated, "gated", false, "an init container waits for the inputs too; a note of the operator's")
	fs.BoolVar(&s.Debug, "debug", false, "verbose logs, every setting printed")
}

const (
	inputHelp  = `{"artifact":"repo:tag","path":"/data","mount":"/oras/volumes/0","below":"in","share":true,"wait":"10m","optional":true,"count":2}`
	outputHelp = `{"container":"app","artifact":"repo:tag","path":"out","mount":"/oras/volumes/0","below":"out","on":"always","empty":"skip"}`
)

// Validate says what a sidecar could not work with.
func (s Step) Validate() error {
	switch {
	case s.Registry == "":
		return fmt.Errorf("--registry is required")
	case len(s.Containers) == 0:
		return fmt.Errorf("--container is required at least once")
	case !slices.Contains([]string{"", "auto", "none", "gzip"}, s.Compression):
		return fmt.Errorf("--compression=%s is none of auto, none and gzip", s.Compression)
	case severalOf(s.DockerConfig, s.LoginDir, s.TokenFile):
		return fmt.Errorf("--docker-config, --login-dir and --token-file exclude each other")
	case s.PlainHTTP && s.CAFile != "":
		return fmt.Errorf("--ca-file is for HTTPS, and --plain-http says HTTP")
	}
	for _, out := range s.Outputs {
		if !slices.Contains(s.Containers, out.Container) {
			return fmt.Errorf("output %s belongs to container %q, which no --container names", out.Artifact, out.Container)
		}
		if s.Unwrapped && out.Mount == "" {
			return fmt.Errorf("output %s has no mount, and with --unwrapped no shim lends it", out.Artifact)
		}
		if !slices.Contains([]When{"", OnSuccess, OnFailure, OnAlways}, out.On) {
			return fmt.Errorf("output %s: on is %q, not %s, %s or %s", out.Artifact, out.On, OnSuccess, OnFailure, OnAlways)
		}
		if !slices.Contains([]Empty{"", EmptyFail, EmptySkip, EmptyPush}, out.Empty) {
			return fmt.Errorf("output %s: empty is %q, not %s, %s or %s", out.Artifact, out.Empty, EmptyFail, EmptySkip, EmptyPush)
		}
	}
	for _, in := range s.Inputs {
		if s.Unwrapped && in.Mount == "" {
			return fmt.Errorf("input %s has no mount, and with --unwrapped no shim writes it", in.Artifact)
		}
	}
	return nil
}

// severalOf tells whether more than one value is given.
func severalOf(values ...string) bool {
	return len(slices.DeleteFunc(values, func(v string) bool { return v == "" })) > 1
}

// OutputsOf returns the outputs of one container, in order.
func (s Step) OutputsOf(container string) []Output {
	var outs []Output
	for _, out := range s.Outputs {
		if out.Container == container {
			outs = append(outs, out)
		}
	}
	return outs
}

// encode writes v as one line of JSON with no HTML escapes, so that a pod's manifest stays readable.
func encode(v any) string {
	var b strings.Builder
	enc := json.NewEncoder(&b)
	enc.SetEscapeHTML(false)
	if err := enc.Encode(v); err != nil {
		panic(err) // strings, bools and durations only: cannot fail
	}
	return strings.TrimSuffix(b.String(), "\n")
}

func decode[T any](text string, list *[]T) error {
	var v T
	dec := json.NewDecoder(strings.NewReader(text))
	dec.DisallowUnknownFields()
	if err := dec.Decode(&v); err != nil {
		return err
	}
	*list = append(*list, v)
	return nil
}
