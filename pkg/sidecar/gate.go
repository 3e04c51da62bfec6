package sidecar

import (
	"context"
	"fmt"
	"time"

	"github.com/converged-computing/oras-operator/pkg/handoff"
)

// Gate waits until the inputs of the pod are in place. Its error is a *handoff.Failure that holds the exit code. It stands
// in for the shim where the inputs must be there before any container starts.
func Gate(ctx context.Context, dir handoff.Dir, timeout time.Duration) error {
	late := &handoff.Failure{Code: handoff.ExitInputs, Message: fmt.Sprintf("The inputs were not in place within %s.", timeout)}
	ctx, cancel := context.WithTimeoutCause(ctx, timeout, late)
	defer cancel()
	ready, err := handoff.Await(ctx, dir, dir.Ready(), func(r handoff.Ready) bool { return r.ThisBoot() && r.State.Final() })
	switch {
	case ctx.Err() != nil:
		return context.Cause(ctx)
	case err != nil:
		return &handoff.Failure{Code: handoff.ExitConfig, Message: "A record of the sidecar cannot be read: " + err.Error() + "."}
	case ready.State == handoff.Failed && ready.Failure == nil:
		return &handoff.Failure{Code: handoff.ExitInputs, Message: "The sidecar gave up without saying why; see its log."}
	case ready.State == handoff.Failed:
		return ready.Failure
	}
	return nil
}
