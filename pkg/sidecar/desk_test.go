package sidecar

import (
	"context"
	"errors"
	"io"
	"log/slog"
	"testing"

	"gotest.tools/v3/assert"

	"github.com/converged-computing/oras-operator/pkg/handoff"
)

func TestOnlyTheShimsOfWrappedContainersAreAttendedTo(t *testing.T) {
	tests := map[string]struct {
		hello handoff.Hello
		want  bool
	}{
		"a wrapped container":  {handoff.Hello{Version: handoff.Version, Container: "app", Attempt: 1}, true},
		"another container":    {handoff.Hello{Version: handoff.Version, Container: "../app", Attempt: 1}, false},
		"another version":      {handoff.Hello{Version: handoff.Version + 1, Container: "app", Attempt: 1}, false},
		"no attempt":           {handoff.Hello{Version: handoff.Version, Container: "app"}, false},
		"nothing said of note": {handoff.Hello{}, false},
	}
	for name, tc := range tests {
		t.Run(name, func(t *testing.T) {
			shim, conn := connection(t)
			attended := make(chan handoff.Hello, 1)
			d := newDesk([]string{"app"}, nil)
			d.attend(t.Context(), conn, func(_ context.Context, _ *handoff.Conn, hello handoff.Hello) { attended <- hello }, quiet())
			assert.NilError(t, shim.Send(tc.hello))
			d.wait()
			assert.Equal(t, len(attended) == 1, tc.want)
			_, err := shim.Receive(new(handoff.Request))
			assert.ErrorIs(t, err, io.EOF)
		})
	}
}

func TestAShimThatConnectsAgainReplacesItself(t *testing.T) {
	d := newDesk([]string{"app"}, nil)
	first := make(chan error, 1)
	started := make(chan struct{}, 1)
	shim, conn := connection(t)
	d.attend(t.Context(), conn, func(ctx context.Context, _ *handoff.Conn, _ handoff.Hello) {
		started <- struct{}{}
		<-ctx.Done()
		first <- context.Cause(ctx)
	}, quiet())
	hello := handoff.Hello{Version: handoff.Version, Container: "app", Attempt: 1}
	assert.NilError(t, shim.Send(hello))
	<-started

	again, conn := connection(t)
	d.attend(t.Context(), conn, func(context.Context, *handoff.Conn, handoff.Hello) {
		select {
		case err := <-first:
			first <- err
		default:
			first <- errors.New("both were attended to at once")
		}
	}, quiet())
	assert.NilError(t, again.Send(hello))
	d.wait()
	assert.ErrorIs(t, <-first, errReplaced)
}

// A sidecar that alone is told to end must not take a shim that holds for one that was killed. What it may be too quick for
// is a matter of chance, so it is tried often.
func TestWhoWasThereAtTheEndIsKnownOnceNobodyIsAttendedTo(t *testing.T) {
	for range 100 {
		ctx, end := context.WithCancel(t.Context())
		d := newDesk([]string{"app"}, nil)
		shim, conn := connection(t)
		started := make(chan struct{})
		d.attend(ctx, conn, func(ctx context.Context, _ *handoff.Conn, _ handoff.Hello) {
			close(started)
			<-ctx.Done()
		}, quiet())
		assert.NilError(t, shim.Send(handoff.Hello{Version: handoff.Version, Container: "app", Attempt: 1}))
		<-started
		end()
		d.wait()
		assert.Assert(t, d.lives("app", 1))
		assert.NilError(t, shim.Close())
	}
}

func TestStrangersAreBounded(t *testing.T) {
	d := newDesk([]string{"app"}, nil)
	var shims []*handoff.Conn
	for range maxStrangers {
		shim, conn := connection(t)
		shims = append(shims, shim)
		d.attend(t.Context(), conn, nil, quiet())
	}
	oneTooMany, conn := connection(t)
	d.attend(t.Context(), conn, nil, quiet())
	_, err := oneTooMany.Receive(new(handoff.Request))
	assert.ErrorIs(t, err, io.EOF)
	for _, shim := range shims {
		assert.NilError(t, shim.Close())
	}
	d.wait()
}

func quiet() *slog.Logger { return slog.New(slog.DiscardHandler) }
