package sidecar

import (
	"context"
	"fmt"
	"time"

	"github.com/converged-computing/oras-operator/pkg/handoff"
)

// Gate waits until the inputs of the pod are in place. Its error is a *handoff.Failure that holds the exit code. It stands
// in for the shim where the inputs must be there before any container starts. With anew it first has inputs that have
// failed already tried again, for it may be started again because of that.
func Gate(ctx context.Context, dir handoff.Dir, timeout time.Duration, anew bool) error {
	late := &handoff.Failure{Code: handoff.ExitInputs, Message: fmt.Sprintf("The inputs were not in place within %s.", timeout)}
	ctx, cancel := context.WithTimeoutCause(ctx, timeout, late)
	defer cancel()
	if anew {
		if err := appeal(ctx, dir); err != nil {
			return err
		}
	}
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

// appeal has a sidecar take back its verdict on the inputs if that has failed, and returns once it has answered. Its error is
// the failure that is the answer, or the cause of ctx's end.
func appeal(ctx context.Context, dir handoff.Dir) error {
	return handoff.Watch(ctx, dir, dir.Socket(), func() (bool, error) {
		heard, answered := ask(ctx, dir)
		if heard.Failure != nil {
			return true, heard.Failure
		}
		return answered, nil
	})
}

// ask says to the sidecar that a gate is here, and returns what it has answered, if it has. If not, one may be about to come, or
// to come back.
func ask(ctx context.Context, dir handoff.Dir) (heard handoff.Heard, answered bool) {
	conn, err := handoff.Dial(dir)
	if err != nil {
		return heard, false
	}
	defer conn.Close()                                      //nolint:errcheck // nothing more is to come
	stop := context.AfterFunc(ctx, func() { conn.Close() }) //nolint:errcheck // wakes who receives
	defer stop()
	if err := conn.Send(handoff.Hello{Version: handoff.Version, Gate: true}); err != nil {
		return heard, false
	}
	files, err := conn.Receive(&heard)
	handoff.CloseAll(files)
	return heard, err == nil
}
