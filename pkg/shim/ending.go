package shim

import (
	"fmt"
	"syscall"

	"github.com/converged-computing/oras-operator/pkg/handoff"
)

// ending is why the container ends when it is not that its command did: an error that knows its exit code.
type ending struct {
	code    int
	message string         // one plain sentence
	signal  syscall.Signal // that asked for it; 0: none did
}

func (e *ending) Error() string { return e.message }

// endf makes an ending of an exit code and a sentence.
func endf(code int, format string, args ...any) *ending {
	return &ending{code: code, message: fmt.Sprintf(format, args...)}
}

// stopped is the ending of a shim that a signal told to stop.
func stopped(sig syscall.Signal, phase string) *ending {
	return &ending{
		code:    handoff.ExitSignal + int(sig),
		message: fmt.Sprintf("Stopped by signal %d (%s) while %s.", int(sig), sig, phase),
		signal:  sig,
	}
}

// failed is the ending that a verdict of the sidecar demands. A code that is not the sidecar's to give is replaced.
func failed(f *handoff.Failure, instead int) *ending {
	switch {
	case f == nil:
		return endf(instead, "The sidecar gave up without saying why; see its log.")
	case f.Code < handoff.ExitInputs || f.Code > handoff.ExitConfig:
		return endf(instead, "%s", f.Message)
	}
	return endf(f.Code, "%s", f.Message)
}

// explained tells whether the ending's sentence belongs in the termination message: the code would say nothing to who
// does not know the shim.
func (e *ending) explained() bool {
	return e.code == handoff.ExitNotExecutable || e.code == handoff.ExitNotFound ||
		e.code >= handoff.ExitInputs && e.code <= handoff.ExitConfig
}
