package plan

import "time"

// DefaultTimeout bounds pulling, and pushing, where the keys say nothing.
const DefaultTimeout = time.Hour

// Plan is what the keys of one pod ask for. Numbered inputs and outputs are in numeric order, the unnumbered one first.
type Plan struct {
	Cache       string // name of an OrasCache; may be empty where Registry is not
	Registry    string // host[:port], in place of the OrasCache
	PlainHTTP   *bool  // for Registry; nil: Endpoint decides
	Inputs      []Input
	Outputs     []Output
	Containers  []string      // to wrap, as given; empty: the pod decides
	PullTimeout time.Duration // above zero
	PushTimeout time.Duration // above zero
	Debug       bool
}

// Input is one artifact to have before the command starts.
type Input struct {
	Key      string        // that names the artifact, for messages: input-uri_1
	PathKey  string        // that names the path, for messages: input-path
	Artifact string        // repository[:tag][@digest], with a tag or a digest
	Path     string        // clean; empty: the working directory
	Wait     time.Duration // for an artifact that does not exist yet; zero or more
}

// Output is one artifact to push after the command has ended.
type Output struct {
	Key          string // that names the artifact, for messages: output-uri_1
	PathKey      string // that names the path, for messages: output-path_1
	ContainerKey string // that names the container, for messages: output-container_1
	Artifact     string // repository:tag
	Path         string // clean; empty: the directory in $ORAS_OUTPUT_PATH
	Container    string // empty: the only wrapped one
}
