package plan

import (
	"slices"
	"time"

	"k8s.io/apimachinery/pkg/api/resource"

	"github.com/converged-computing/oras-operator/pkg/placeholder"
)

// DefaultTimeout bounds pulling, and pushing, where the keys say nothing.
const DefaultTimeout = time.Hour

// Plan is what the keys of one pod ask for. Numbered inputs and outputs are in numeric order, the unnumbered one first.
// Artifacts, paths and ShimFlags are texts with placeholders in the sense of package placeholder, which Fill fills in:
// a literal brace is {{.
type Plan struct {
	Cache       string // name of an OrasCache; may be empty where Registry is not
	Registry    string // host[:port], in place of the OrasCache
	PlainHTTP   *bool  // for Registry; nil: Endpoint decides
	Inputs      []Input
	Outputs     []Output
	OutputOn    string        // success, failure or always: after which ends of the command outputs are pushed; empty: success
	OutputEmpty string        // fail, skip or push: what becomes of an output that holds nothing; empty: fail
	OutputPipe  string        // clean path of a file for the command's standard output; empty: none
	Containers  []string      // to wrap, as given; empty: the pod decides
	Wrap        Wrap          // empty: WrapAuto
	Archives    bool          // archives in an input stay archives
	Compression string        // auto, none or gzip, of outputs; empty: auto
	Credentials string        // name of a kubernetes.io/dockerconfigjson Secret for Registry; empty: none
	OrasEnv     string        // name of a Secret with ORAS_USER and ORAS_PASS, or ORAS_PUSH_PASS and ORAS_PULL_PASS; empty: none
	SidecarCPU  Amount        // of processor time
	SidecarMem  Amount        // of memory
	ShimFlags   []string      // each one argument, --name=value or --name, in the order given
	PullTimeout time.Duration // above zero
	PushTimeout time.Duration // above zero
	Debug       bool
}

// Amount is how much of a resource the sidecar is given. Without a request there is none, and the default is right.
type Amount struct {
	Request *resource.Quantity
	Limit   *resource.Quantity // not below Request
}

// Wrap says whether commands run under the shim.
type Wrap string

// The answers.
const (
	WrapAuto   Wrap = "auto" // where the pod allows it, and where it is needed
	WrapAlways Wrap = "always"
	WrapNever  Wrap = "never"
)

// Input is one artifact, or several, to have before the command starts.
type Input struct {
	Key      string        // that names the artifact, for messages: input-uri_1
	PathKey  string        // that names the path, for messages: input-path
	Artifact string        // repository[:tag][@digest], with a tag or a digest; may hold * and ranges {a..b}
	Path     string        // clean; empty: the working directory
	Optional bool          // a missing artifact is not an error
	Wait     time.Duration // for an artifact that does not exist yet; zero or more
	Count    int           // how many artifacts a * must match at least; 0: one
}

// Output is one artifact to push after the command has ended.
type Output struct {
	Key          string // that names the artifact, for messages: output-uri_1
	PathKey      string // that names the path, for messages: output-path_1
	ContainerKey string // that names the container, for messages: output-container_1
	Artifact     string // repository:tag
	Path         string // clean, may be a pattern; empty: the directory in $ORAS_OUTPUT_PATH
	Container    string // empty: the only wrapped one, or each where Artifact holds {container}
}

// Fill returns the plan with those placeholders filled in that have a value.
func (p Plan) Fill(values placeholder.Values) Plan {
	p.Inputs, p.Outputs, p.ShimFlags = slices.Clone(p.Inputs), slices.Clone(p.Outputs), slices.Clone(p.ShimFlags)
	for i := range p.Inputs {
		p.Inputs[i] = p.Inputs[i].Fill(values)
	}
	for i := range p.Outputs {
		p.Outputs[i] = p.Outputs[i].Fill(values)
	}
	for i := range p.ShimFlags {
		p.ShimFlags[i] = placeholder.Fill(p.ShimFlags[i], values)
	}
	p.OutputPipe = placeholder.Fill(p.OutputPipe, values)
	return p
}

// Fill is Plan.Fill for one input.
func (in Input) Fill(values placeholder.Values) Input {
	in.Artifact, in.Path = placeholder.Fill(in.Artifact, values), placeholder.Fill(in.Path, values)
	return in
}

// Fill is Plan.Fill for one output.
func (out Output) Fill(values placeholder.Values) Output {
	out.Artifact, out.Path = placeholder.Fill(out.Artifact, values), placeholder.Fill(out.Path, values)
	return out
}
