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
		"a wrapped container":          {first, true},
		"another container":            {handoff.Hello{Version: handoff.Version, Container: "../app", Attempt: 1, Token: secret}, false},
		"another version":              {handoff.Hello{Version: handoff.Version + 1, Container: "app", Attempt: 1, Token: secret}, false},
		"no attempt":                   {handoff.Hello{Version: handoff.Version, Container: "app", Token: secret}, false},
		"another token":                {handoff.Hello{Version: handoff.Version, Container: "app", Attempt: 1, Token: "guessed"}, false},
		"no token":                     {handoff.Hello{Version: handoff.Version, Container: "app", Attempt: 1}, false},
		"an attempt that is not there": {handoff.Hello{Version: handoff.Version, Container: "app", Attempt: 2, Token: secret}, false},
		"nothing said of note":         {handoff.Hello{}, false},
	}
	for name, tc := range tests {
		t.Run(name, func(t *testing.T) {
			shim, conn := connection(t)
			attended := make(chan handoff.Hello, 1)
			d := deskOfOne(t)
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
	d := deskOfOne(t)
	ended := make(chan error, 1)
	started := make(chan struct{}, 1)
	shim, conn := connection(t)
	d.attend(t.Context(), conn, func(ctx context.Context, _ *handoff.Conn, _ handoff.Hello) {
		started <- struct{}{}
		<-ctx.Done()
		ended <- context.Cause(ctx)
	}, quiet())
	assert.NilError(t, shim.Send(first))
	<-started

	again, conn := connection(t)
	d.attend(t.Context(), conn, func(context.Context, *handoff.Conn, handoff.Hello) {
		select {
		case err := <-ended:
			ended <- err
		default:
			ended <- errors.New("both were attended to at once")
		}
	}, quiet())
	assert.NilError(t, again.Send(first))
	d.wait()
	assert.ErrorIs(t, <-ended, errReplaced)
}

// A sidecar that alone is told to end must not take a shim that holds for one that was killed. What it may be too quick for
// is a matter of chance, so it is tried often.
func TestWhoWasThereAtTheEndIsKnownOnceNobodyIsAttendedTo(t *testing.T) {
	for range 100 {
		ctx, end := context.WithCancel(t.Context())
		d := deskOfOne(t)
		shim, conn := connection(t)
		started := make(chan struct{})
		d.attend(ctx, conn, func(ctx context.Context, _ *handoff.Conn, _ handoff.Hello) {
			close(started)
			<-ctx.Done()
		}, quiet())
		assert.NilError(t, shim.Send(first))
		<-started
		end()
		d.wait()
		assert.Assert(t, d.lives("app", 1))
		assert.NilError(t, shim.Close())
	}
}

func TestStrangersAreBounded(t *testing.T) {
	d := deskOfOne(t)
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

const secret = "secret"

// first is what the shim of the first attempt says.
var first = handoff.Hello{Version: handoff.Version, Container: "app", Attempt: 1, Token: secret}

// deskOfOne expects the shims of one container, the first of which has claimed its attempt.
func deskOfOne(t *testing.T) *desk {
	t.Helper()
	run := handoff.Dir(t.TempDir())
	assert.NilError(t, handoff.Write(run.Claim("app", 1), handoff.Claim{Token: secret}))
	return newDesk(run, []string{"app"}, nil)
}

func quiet() *slog.Logger { return slog.New(slog.DiscardHandler) }
