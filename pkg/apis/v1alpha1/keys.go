package v1alpha1

import "strings"

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

// KeyForm is what the value of a key looks like, in the words of the documentation.
type KeyForm string

// Forms of values. One that is to be one of a few words has none of these, but [Key.Words].
const (
	FormName     KeyForm = "name" // of an object or container: a DNS-1123 label
	FormNames    KeyForm = "name[,name…]"
	FormSecret   KeyForm = "name of a Secret"
	FormHost     KeyForm = "host[:port]"
	FormInput    KeyForm = "repository[:tag][@digest]"
	FormOutput   KeyForm = "repository[:tag]"
	FormPath     KeyForm = "path"
	FormPattern  KeyForm = "path or pattern"
	FormBool     KeyForm = "true or false"
	FormNumber   KeyForm = "number"
	FormDuration KeyForm = "duration"
	FormQuantity KeyForm = "quantity[:limit]"
	FormFlags    KeyForm = "flags"
)

// Key is one label or annotation that users may set. Either Form, or Words, or Ignored is given.
// +kubebuilder:object:generate=false
type Key struct {
	Name         string   // without KeyPrefix and without a number
	Numbered     bool     // may be followed by _N, any non-negative integer
	Placeholders bool     // its value may hold {namespace}, {pod} and the like, of package placeholder
	Ignored      bool     // accepted for compatibility, has no effect but a warning
	Form         KeyForm  // of the value
	Words        []string // of which the value is one
	Default      string   // what an absent key means; empty where it means nothing
	Example      string   // a valid value
	Meaning      string   // one line
}

// Value says for people what the value may be; empty for an ignored key.
func (k Key) Value() string {
	if n := len(k.Words); n > 1 {
		return strings.Join(k.Words[:n-1], ", ") + " or " + k.Words[n-1]
	}
	return string(k.Form)
}

// Keys lists every key, in the order in which documentation should tell of them.
func Keys() []Key {
	return []Key{
		{Name: KeyCache, Form: FormName, Example: "oras",
			Meaning: "the OrasCache of this namespace to use; required unless registry is given"},
		{Name: KeyRegistry, Form: FormHost, Example: "ghcr.io",
			Meaning: "the registry to use instead of an OrasCache"},
		{Name: KeyInputURI, Numbered: true, Placeholders: true, Form: FormInput, Example: "step-1:latest",
			Meaning: "an artifact to have before the command starts; several, with a * or a range {a..b}"},
		{Name: KeyInputPath, Numbered: true, Placeholders: true, Form: FormPath, Default: "the working directory", Example: "/data",
			Meaning: "where that input goes; unnumbered, where every input without its own path goes"},
		{Name: KeyInputOptional, Numbered: true, Form: FormBool, Default: "false", Example: "true",
			Meaning: "a missing artifact is not an error; unnumbered, for every input without its own"},
		{Name: KeyInputWait, Form: FormDuration, Default: "0s", Example: "10m",
			Meaning: "how long to wait for an artifact that does not exist yet"},
		{Name: KeyInputCount, Numbered: true, Form: FormNumber, Default: "1", Example: "50",
			Meaning: "how many artifacts a * must match at least; unnumbered, for every input with a * and without its own"},
		{Name: KeyOutputURI, Numbered: true, Placeholders: true, Form: FormOutput, Example: "step-2:latest",
			Meaning: "an artifact to push after the command has ended"},
		{Name: KeyOutputPath, Numbered: true, Placeholders: true, Form: FormPattern, Default: "$ORAS_OUTPUT_PATH", Example: "results",
			Meaning: "the file or directory to push, or those that a pattern of *, ? and [ ] matches"},
		{Name: KeyOutputPipe, Placeholders: true, Form: FormPath, Example: "log.txt",
			Meaning: "also write the command's standard output to this file"},
		{Name: KeyOutputContainer, Numbered: true, Form: FormName, Default: "the only wrapped container", Example: "app",
			Meaning: "the wrapped container that the output belongs to"},
		{Name: KeyOutputOn, Words: []string{"success", "failure", "always"}, Default: "success", Example: "always",
			Meaning: "the outcomes of the command after which outputs are pushed"},
		{Name: KeyOutputEmpty, Words: []string{"fail", "skip", "push"}, Default: "fail", Example: "skip",
			Meaning: "what an output path that holds nothing means"},
		{Name: KeyContainer, Form: FormNames, Default: "the only one, or the one that kubectl.kubernetes.io/default-container names", Example: "app",
			Meaning: "the containers to wrap"},
		{Name: KeyWrap, Words: []string{"auto", "always", "never"}, Default: "auto", Example: "never",
			Meaning: "whether commands are wrapped by the shim"},
		{Name: KeyUnpack, Form: FormBool, Default: "true", Example: "false",
			Meaning: "whether archives in an input are unpacked"},
		{Name: KeyCompression, Words: []string{"auto", "none", "gzip"}, Default: "auto", Example: "none",
			Meaning: "how outputs are compressed"},
		{Name: KeyCredentials, Form: FormSecret, Example: "ghcr",
			Meaning: "a kubernetes.io/dockerconfigjson Secret for the registry of the registry key"},
		{Name: KeyOrasEnv, Form: FormSecret, Example: "oras-env",
			Meaning: "a Secret with ORAS_USER and ORAS_PASS, or with ORAS_PUSH_PASS and ORAS_PULL_PASS, for the registry"},
		{Name: KeyPlainHTTP, Form: FormBool, Default: "true for loopback and in-cluster names, else false", Example: "true",
			Meaning: "speak HTTP, not HTTPS, to the registry of the registry key"},
		{Name: KeyPullTimeout, Form: FormDuration, Default: "1h", Example: "30m",
			Meaning: "bound on pulling all inputs"},
		{Name: KeyPushTimeout, Form: FormDuration, Default: "1h", Example: "30m",
			Meaning: "bound on pushing all outputs"},
		{Name: KeySidecarCPU, Form: FormQuantity, Default: "100m", Example: "500m",
			Meaning: "processor time that the sidecar asks for, and its limit"},
		{Name: KeySidecarMemory, Form: FormQuantity, Default: "128Mi", Example: "512Mi",
			Meaning: "memory that the sidecar asks for, and its limit, which is the same unless given"},
		{Name: KeyShimFlags, Placeholders: true, Form: FormFlags, Example: "--breakpoint=on-failure",
			Meaning: "flags passed to the shim, for debugging"},
		{Name: KeyDebug, Form: FormBool, Default: "false", Example: "true",
			Meaning: "verbose logs of shim and sidecar"},
		{Name: "entrypoint", Ignored: true, Meaning: "accepted for compatibility"},
		{Name: "oras-entrypoint", Ignored: true, Meaning: "accepted for compatibility"},
		{Name: "oras-container", Ignored: true, Meaning: "accepted for compatibility"},
	}
}
