package sidecar

import (
	"errors"
	"fmt"

	"github.com/converged-computing/oras-operator/pkg/handoff"
	"github.com/converged-computing/oras-operator/pkg/transfer"
)

// misconfigured is the failure of a step that asks for what cannot be.
func misconfigured(format string, args ...any) error {
	return &handoff.Failure{Code: handoff.ExitConfig, Message: fmt.Sprintf(format, args...)}
}

// inputFailure is what the shim ends the container with when an input cannot be had.
func (s *Sidecar) inputFailure(err error) *handoff.Failure {
	if failure, ok := errors.AsType[*handoff.Failure](err); ok {
		return failure
	}
	return &handoff.Failure{Code: handoff.ExitInputs, Message: err.Error() + remedy(s.step, err)}
}

// inputProblem says which input cannot be had. Where it cannot be written, it is the application's name for the place that
// tells somebody something, and not the sidecar's.
func inputProblem(art handoff.Artifact, err error) error {
	if e, ok := errors.AsType[*transfer.Error](err); ok && e.Side == transfer.SideTree && art.Path != "" {
		return fmt.Errorf("input %s cannot be written to %s: %w", art.Reference, art.Path, err)
	}
	return fmt.Errorf("input %s: %w", art.Reference, err)
}

// outputFailure tells a push that was given up after retries from one that was refused for good.
func (s *Sidecar) outputFailure(err error) *handoff.Failure {
	if failure, ok := errors.AsType[*handoff.Failure](err); ok {
		return failure
	}
	code := handoff.ExitOutputs
	if transfer.Final(err) && !errors.Is(err, errStalled) {
		code = handoff.ExitRefused
	}
	return &handoff.Failure{Code: code, Message: err.Error() + remedy(s.step, err)}
}

// ledAstray is what is wrong with a path for which a place is tree.ErrOutside.
const ledAstray = "leads out of its volume by a symbolic link, as every absolute one does; link to what is on the volume by a relative path"

// outputProblem is the failure of a step that did not make what it was to make.
func outputProblem(out handoff.Output, problem string) error {
	return &handoff.Failure{
		Code:    handoff.ExitRefused,
		Message: fmt.Sprintf("output %s: path %s of container %s %s", out.Artifact, out.Path, out.Container, problem),
	}
}
