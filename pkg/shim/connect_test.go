package shim

import (
	"context"
	"errors"
	"io"
	"syscall"
	"testing"
	"time"

	"golang.org/x/sys/unix"
	"gotest.tools/v3/assert"
	"gotest.tools/v3/poll"

	"github.com/converged-computing/oras-operator/pkg/handoff"
)

func TestEachSidecarIsGreetedAndItsAbsenceIsNoticed(t *testing.T) {
	dir := handoff.Dir(t.TempDir())
	l := &life{
		opts:    Options{Container: "app", RunDir: dir},
		log:     newLogger(LogOptions{}, io.Discard),
		attempt: 7,
	}
	disconnect, err := l.connect(t.Context())
	assert.NilError(t, err)
	claim, err := handoff.Read[handoff.Claim](dir.Claim("app", 7))
	assert.NilError(t, err)
	assert.Assert(t, claim.Token != "")
	assert.Assert(t, l.link.goneFor() > 0, "there is none yet")
	for range 3 {
		listener, err := handoff.Listen(dir)
		assert.NilError(t, err)
		conn, err := listener.Accept()
		assert.NilError(t, err)
		var hello handoff.Hello
		_, err = conn.Receive(&hello)
		assert.NilError(t, err)
		assert.DeepEqual(t, hello, handoff.Hello{Version: handoff.Version, Container: "app", Attempt: 7, Token: claim.Token})
		assert.Equal(t, l.link.goneFor(), time.Duration(0))
		assert.NilError(t, listener.Close())
		assert.NilError(t, conn.Close())
		waitFor(t, func() bool { return l.link.goneFor() > 0 })
	}
	disconnect()
}

func TestDisconnectEndsTheConnection(t *testing.T) {
	dir := handoff.Dir(t.TempDir())
	listener, err := handoff.Listen(dir)
	assert.NilError(t, err)
	defer listener.Close() //nolint:errcheck // test
	l := &life{opts: Options{Container: "app", RunDir: dir}, log: newLogger(LogOptions{}, io.Discard)}
	disconnect, err := l.connect(t.Context())
	assert.NilError(t, err)
	conn, err := listener.Accept()
	assert.NilError(t, err)
	var hello handoff.Hello
	_, err = conn.Receive(&hello)
	assert.NilError(t, err)
	disconnect()
	_, err = conn.Receive(&hello)
	assert.ErrorIs(t, err, io.EOF)
}

func TestE4TheSidecarIsGoneOnlyAfterItsTimeout(t *testing.T) {
	tests := map[string]struct {
		timeout, gone time.Duration
		want          bool
	}{
		"there":                {time.Minute, 0, false},
		"away for a little":    {time.Minute, time.Second, false},
		"away for too long":    {time.Minute, time.Hour, true},
		"away, but no timeout": {0, time.Hour, false},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			l := &life{opts: Options{SidecarTimeout: test.timeout}, link: &link{}}
			if test.gone > 0 {
				l.link.lost = time.Now().Add(-test.gone)
			}
			err := l.sidecarGone("the inputs")
			assert.Equal(t, err != nil, test.want, "%v", err)
			if test.want {
				assert.Equal(t, asEnding(err).code, handoff.ExitSidecarGone)
			}
		})
	}
}

func TestWorkGoesOnUntilASignalIsHeeded(t *testing.T) {
	meant := errors.New("meant")
	other := make(chan syscall.Signal, 2)
	l := &life{signals: fakeSignals(unix.SIGHUP, unix.SIGTERM)}
	err := l.during(t.Context(), func(ctx context.Context) error {
		<-ctx.Done()
		return context.Cause(ctx)
	}, func(sig syscall.Signal) error {
		other <- sig
		if sig == unix.SIGTERM {
			return meant
		}
		return nil
	})
	assert.ErrorIs(t, err, meant)
	assert.Equal(t, <-other, unix.SIGHUP)
	assert.Equal(t, <-other, unix.SIGTERM)
}

func waitFor(t *testing.T, is func() bool) {
	t.Helper()
	poll.WaitOn(t, func(poll.LogT) poll.Result {
		if is() {
			return poll.Success()
		}
		return poll.Continue("it is not so yet")
	}, poll.WithTimeout(30*time.Second), poll.WithDelay(time.Millisecond))
}
