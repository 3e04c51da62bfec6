package v1alpha1

// KeyPrefix begins every label and annotation that is the operator's.
const KeyPrefix = "oras.converged-computing.github.io/"

const (
	// StatusAnnotation tells people what was done to a pod. Nothing ever reads it back.
	StatusAnnotation = KeyPrefix + "status"
	// InjectedLabel with the value "true" marks injected pods, so that the operator can watch just those.
	InjectedLabel = KeyPrefix + "injected"
)

// Names of the keys that users set, without KeyPrefix.
const (
	KeyCache           = "oras-cache"
	KeyRegistry        = "registry"
	KeyPlainHTTP       = "plain-http"
	KeyInputURI        = "input-uri"
	KeyInputPath       = "input-path"
	KeyInputOptional   = "input-optional"
	KeyInputWait       = "input-wait"
	KeyInputCount      = "input-count"
	KeyOutputURI       = "output-uri"
	KeyOutputPath      = "output-path"
	KeyOutputPipe      = "output-pipe"
	KeyOutputContainer = "output-container"
	KeyOutputOn        = "output-on"
	KeyOutputEmpty     = "output-empty"
	KeyContainer       = "container"
	KeyWrap            = "wrap"
	KeyUnpack          = "unpack"
	KeyCompression     = "compression"
	KeyCredentials     = "credentials"
	KeyOrasEnv         = "oras-env"
	KeyPullTimeout     = "pull-timeout"
	KeyPushTimeout     = "push-timeout"
	KeySidecarCPU      = "sidecar-cpu"
	KeySidecarMemory   = "sidecar-memory"
	KeyShimFlags       = "shim-flags"
	KeyDebug           = "debug"
)

// KeySupport is what is done with a key.
type KeySupport string

// The two things that can be done with a key.
const (
	KeySupported KeySupport = "supported"
	KeyIgnored   KeySupport = "ignored" // accepted for compatibility, has no effect but a warning
)

// Key is one label or annotation that users may set.
type Key struct {
	Name         string // without KeyPrefix and without a number
	Numbered     bool   // may be followed by _N, any non-negative integer
	Label        bool   // its usual values are valid label values; any key may be an annotation
	Placeholders bool   // its value may hold {namespace}, {pod} and the like, of package placeholder
	Support      KeySupport
	Value        string // the form of the value
	Default      string // what an absent key means; empty where it means nothing
	Example      string // a valid value
	Meaning      string // one line
}

// Keys lists every key, in the order in which documentation should tell of them.
func Keys() []Key {
	return []Key{
		{Name: KeyCache, Label: true, Support: KeySupported, Value: "name", Example: "oras",
			Meaning: "the OrasCache of this namespace to use; required unless registry is given"},
		{Name: KeyRegistry, Label: true, Support: KeySupported, Value: "host[:port]", Example: "ghcr.io",
			Meaning: "the registry to use instead of an OrasCache"},
		{Name: KeyInputURI, Numbered: true, Label: true, Placeholders: true, Support: KeySupported, Value: "repository[:tag][@digest]", Example: "step-1:latest",
			Meaning: "an artifact to have before the command starts; several, with a * or a range {a..b}"},
		{Name: KeyInputPath, Numbered: true, Placeholders: true, Support: KeySupported, Value: "path", Default: "the working directory", Example: "/data",
			Meaning: "where that input goes; unnumbered, where every input without its own path goes"},
		{Name: KeyInputOptional, Numbered: true, Label: true, Support: KeySupported, Value: "true or false", Default: "false", Example: "true",
			Meaning: "a missing artifact is not an error; unnumbered, for every input without its own"},
		{Name: KeyInputWait, Label: true, Support: KeySupported, Value: "duration", Default: "0s", Example: "10m",
			Meaning: "how long to wait for an artifact that does not exist yet"},
		{Name: KeyInputCount, Numbered: true, Label: true, Support: KeySupported, Value: "number", Default: "1", Example: "50",
			Meaning: "how many artifacts a * must match at least; unnumbered, for every input with a * and without its own"},
		{Name: KeyOutputURI, Numbered: true, Label: true, Placeholders: true, Support: KeySupported, Value: "repository[:tag]", Example: "step-2:latest",
			Meaning: "an artifact to push after the command has ended"},
		{Name: KeyOutputPath, Numbered: true, Placeholders: true, Support: KeySupported, Value: "path or pattern", Default: "$ORAS_OUTPUT_PATH", Example: "results",
			Meaning: "the file or directory to push, or those that a pattern of *, ? and [ ] matches"},
		{Name: KeyOutputPipe, Placeholders: true, Support: KeySupported, Value: "path", Example: "log.txt",
			Meaning: "also write the command's standard output to this file"},
		{Name: KeyOutputContainer, Numbered: true, Label: true, Support: KeySupported, Value: "name", Default: "the only wrapped container", Example: "app",
			Meaning: "the wrapped container that the output belongs to"},
		{Name: KeyOutputOn, Label: true, Support: KeySupported, Value: "success, failure or always", Default: "success", Example: "always",
			Meaning: "the outcomes of the command after which outputs are pushed"},
		{Name: KeyOutputEmpty, Label: true, Support: KeySupported, Value: "fail, skip or push", Default: "fail", Example: "skip",
			Meaning: "what an output path that holds nothing means"},
		{Name: KeyContainer, Label: true, Support: KeySupported, Value: "name[,name…]", Default: "the only one, or the one that kubectl.kubernetes.io/default-container names", Example: "app",
			Meaning: "the containers to wrap"},
		{Name: KeyWrap, Label: true, Support: KeySupported, Value: "auto, always or never", Default: "auto", Example: "never",
			Meaning: "whether commands are wrapped by the shim"},
		{Name: KeyUnpack, Label: true, Support: KeySupported, Value: "true or false", Default: "true", Example: "false",
			Meaning: "whether archives in an input are unpacked"},
		{Name: KeyCompression, Label: true, Support: KeySupported, Value: "auto, none or gzip", Default: "auto", Example: "none",
			Meaning: "how outputs are compressed"},
		{Name: KeyCredentials, Label: true, Support: KeySupported, Value: "name of a Secret", Example: "ghcr",
			Meaning: "a kubernetes.io/dockerconfigjson Secret for the registry of the registry key"},
		{Name: KeyOrasEnv, Label: true, Support: KeySupported, Value: "name of a Secret", Example: "oras-env",
			Meaning: "a Secret with ORAS_USER and ORAS_PASS, or with ORAS_PUSH_PASS and ORAS_PULL_PASS, for the registry"},
		{Name: KeyPlainHTTP, Label: true, Support: KeySupported, Value: "true or false", Default: "true for loopback and in-cluster names, else false", Example: "true",
			Meaning: "speak HTTP, not HTTPS, to the registry of the registry key"},
		{Name: KeyPullTimeout, Label: true, Support: KeySupported, Value: "duration", Default: "1h", Example: "30m",
			Meaning: "bound on pulling all inputs"},
		{Name: KeyPushTimeout, Label: true, Support: KeySupported, Value: "duration", Default: "1h", Example: "30m",
			Meaning: "bound on pushing all outputs"},
		{Name: KeySidecarCPU, Label: true, Support: KeySupported, Value: "quantity[:limit]", Default: "100m", Example: "500m",
			Meaning: "processor time that the sidecar asks for, and its limit"},
		{Name: KeySidecarMemory, Label: true, Support: KeySupported, Value: "quantity[:limit]", Default: "128Mi", Example: "512Mi",
			Meaning: "memory that the sidecar asks for, and its limit, which is the same unless given"},
		{Name: KeyShimFlags, Placeholders: true, Support: KeySupported, Value: "flags", Example: "--breakpoint=on-failure",
			Meaning: "flags passed to the shim, for debugging"},
		{Name: KeyDebug, Label: true, Support: KeySupported, Value: "true or false", Default: "false", Example: "true",
			Meaning: "verbose logs of shim and sidecar"},
		{Name: "entrypoint", Support: KeyIgnored, Meaning: "accepted for compatibility"},
		{Name: "oras-entrypoint", Support: KeyIgnored, Meaning: "accepted for compatibility"},
		{Name: "oras-container", Support: KeyIgnored, Meaning: "accepted for compatibility"},
	}
}
