package handoff

// Exit codes of a wrapped container whose command was not at fault. Everything else is the command's own: its code,
// ExitSignal plus the number of the signal it died of, ExitNotExecutable or ExitNotFound.
const (
	ExitInputs      = 200 // inputs could not be had
	ExitOutputs     = 201 // outputs could not be pushed after retries
	ExitRefused     = 202 // outputs were refused for good: credentials, quota, too large, nothing there
	ExitSidecarGone = 203 // the sidecar is gone and did not come back
	ExitConfig      = 204 // wrong configuration
)

// Exit codes of a command that did not end by itself, as shells use them.
const (
	ExitNotExecutable = 126
	ExitNotFound      = 127
	ExitSignal        = 128 // plus the number of the signal
)
