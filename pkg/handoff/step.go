package handoff

import (
	"encoding/json"
	"flag"
	"fmt"
	"slices"
	"strings"
	"time"
)

// Step is everything a sidecar has to do for its pod. The injector builds it and carries it in the sidecar's
// arguments (Args), the sidecar reads it back (BindFlags). It is never read from a volume: the application can write
// to volumes.
type Step struct {
	RunDir      Dir
	Registry    string // host[:port] of the registry
	PlainHTTP   bool   // speak HTTP, not HTTPS, to the registry
	Containers  []string
	Inputs      []Input
	Outputs     []Output
	PullTimeout time.Duration // bound on pulling all inputs, the wait for an absent artifact not counted
	PushTimeout time.Duration // bound on pushing all outputs of one attempt
	Pod         PodIdentity
	Debug       bool
}

// PodIdentity is where an artifact comes from, for its lineage. Fields may be empty.
type PodIdentity struct {
	Namespace string
	Name      string
	Job       string
}

// Input is one artifact that must be in place before the command starts.
type Input struct {
	Artifact string   `json:"artifact"`        // repository[:tag][@digest], the tag defaults to latest
	Path     string   `json:"path,omitempty"`  // where the application sees it; empty is its working directory
	Mount    string   `json:"mount,omitempty"` // the same place as the sidecar sees it; empty: written through the shim
	Share    bool     `json:"share,omitempty"` // the application may run as another user: readable and writable for all
	Wait     Duration `json:"wait,omitempty"`  // how long to wait for an artifact that does not exist yet
}

// Output is one artifact to push after a container's command has ended.
type Output struct {
	Container string `json:"container"`
	Artifact  string `json:"artifact"` // repository[:tag], the tag defaults to latest
	Path      string `json:"path"`     // file or directory; relative to the container's working directory
}

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
	fs.BoolVar(&s.Debug, "debug", false, "verbose logs, every setting printed")
}

const (
	inputHelp  = `{"artifact":"repo:tag","path":"/data","mount":"/oras/in/0","share":true,"wait":"10m"}`
	outputHelp = `{"container":"app","artifact":"repo:tag","path":"out"}`
)

// Validate says what a sidecar could not work with.
func (s Step) Validate() error {
	switch {
	case s.Registry == "":
		return fmt.Errorf("--registry is required")
	case len(s.Containers) == 0:
		return fmt.Errorf("--container is required at least once")
	}
	for _, out := range s.Outputs {
		if !slices.Contains(s.Containers, out.Container) {
			return fmt.Errorf("output %s belongs to container %q, which no --container names", out.Artifact, out.Container)
		}
	}
	return nil
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
