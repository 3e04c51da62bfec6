package process

import (
	"errors"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"syscall"
	"testing"
	"time"

	"golang.org/x/sys/unix"
	"gotest.tools/v3/assert"
	is "gotest.tools/v3/assert/cmp"

	"github.com/converged-computing/oras-operator/pkg/handoff"
	"github.com/converged-computing/oras-operator/test/faults"
)

// E5, and the row "sidecar crashes while pulling".
func TestE5ASidecarKilledWhilePullingIsFollowedByOneThatPulls(t *testing.T) {
	registry := newFaulty(t)
	publish(t, registry.direct, "first:v1")
	eachWay(t, "in the middle of content", func(t *testing.T, mounted bool) {
		f := registry.beside(t)
		f.hold(t, faults.Rule{Path: blobs, After: midway})
		p, data := newTaker(t, f.address, "first:v1", mounted)
		sidecar := p.sidecar(t)
		app := p.app(t, t.TempDir(), "ls -A "+data)
		f.awaitFired(t, "hold")
		assert.Assert(t, is.Len(visible(t, data), 0), "half a pull is not seen")
		sidecar.kill(t)
		assert.Assert(t, is.Len(visible(t, data), 0))
		f.rules(t)
		p.sidecar(t)
		assert.Equal(t, app.exitCode(t), 0)
		assert.Equal(t, app.output.String(), "large\nsmall\n", "and nothing is left of the first pull")
		assertSample(t, data, "first:v1")
	})
}

// E36, and the row "sidecar crashes or is OOM-killed while pushing", at each point of a push.
func TestE36ASidecarKilledWhilePushingIsFollowedByOneThatPushes(t *testing.T) {
	registry := newFaulty(t)
	for name, rule := range map[string]faults.Rule{
		"before the first request":            {Nth: 1, Direction: faults.Request},
		"in the middle of content":            {Method: http.MethodPut, Path: uploads, Direction: faults.Request, After: midway},
		"before content is acknowledged":      {Method: http.MethodPut, Path: uploads},
		"before the tag moves":                {Method: http.MethodPut, Path: manifests, Direction: faults.Request},
		"after the tag moved, not knowing it": {Method: http.MethodPut, Path: manifests},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			f := registry.beside(t)
			f.hold(t, rule)
			repo := repository(t)
			p, work := newMaker(t, f.address, repo+":v1")
			sidecar := p.sidecar(t)
			app := p.app(t, work, "echo ran")
			f.awaitFired(t, "hold")
			before := digest(t, f.direct, repo)
			sidecar.kill(t)
			f.rules(t)
			p.sidecar(t)
			assert.Equal(t, app.exitCode(t), 0)
			assert.Equal(t, app.output.String(), "ran\n", "once")
			after := digest(t, f.direct, repo)
			assert.Assert(t, before == "" || before == after, "the tag moves once, from nothing to %s, not by way of %s", after, before)
			assert.Equal(t, len(f.exchanges(http.MethodPut, manifests+"v1")), 1)
			assertWhole(t, f.direct, repo+":v1", repo+":v1")
		})
	}
}

// E38. The shim is stopped while its outputs are pushed, so that it still waits when the next sidecar comes.
func TestE38ASidecarThatComesAfterThePushPushesNothing(t *testing.T) {
	f := newFaulty(t)
	f.hold(t, faults.Rule{Method: http.MethodPut, Path: manifests})
	p, work := newMaker(t, f.address, "out:v1")
	sidecar := p.sidecar(t)
	app := p.app(t, work, "true")
	f.awaitFired(t, "hold")
	app.stop(t)
	f.rules(t)
	_, err := handoff.Await(patient(t), p.run, p.run.Pushed("app", 1),
		func(pushed handoff.Pushed) bool { return pushed.State == handoff.OK })
	assert.NilError(t, err)
	sidecar.kill(t)

	f.ClearLog()
	again := p.sidecar(t)
	shim := p.dial(t)
	again.awaitOutput(t, "The command has ended.")
	app.signal(t, syscall.SIGCONT)
	assert.Equal(t, app.exitCode(t), 0)
	again.signal(t, syscall.SIGTERM)
	assert.Equal(t, again.exitCode(t), 0)
	var asked handoff.Request
	_, err = shim.Receive(&asked)
	assert.ErrorIs(t, err, io.EOF, "the outputs are not asked for: %+v", asked)
	assert.Assert(t, is.Len(f.Log(), 0))
}

// connected starts both halves of a step and waits until they are connected: before that, the shim may not have its signal
// handlers, nor the sidecar know that there is a shim.
func (p *pod) connected(t *testing.T, dir, script string) (sidecar, app *process) {
	t.Helper()
	p.step.Debug = true
	sidecar = p.sidecar(t)
	app = p.app(t, dir, script)
	sidecar.awaitOutput(t, "A shim has connected.")
	return sidecar, app
}

// stop returns when no thread of the process runs any more; SIGCONT lets it go on.
func (p *process) stop(t *testing.T) {
	t.Helper()
	p.signal(t, syscall.SIGSTOP)
	assert.NilError(t, unix.Waitid(unix.P_PID, p.cmd.Process.Pid, nil, unix.WSTOPPED|unix.WNOWAIT, nil))
}

// dial connects to the pod's sidecar as the shim of the first attempt does, which has claimed it, and is let in.
func (p *pod) dial(t *testing.T) *handoff.Conn {
	t.Helper()
	claim, err := handoff.Read[handoff.Claim](p.run.Claim("app", 1))
	assert.NilError(t, err)
	return p.connect(t, handoff.Hello{Version: handoff.Version, Container: "app", Attempt: 1, Token: claim.Token})
}

// connect connects to the pod's sidecar, once there is one, and says hello.
func (p *pod) connect(t *testing.T, hello handoff.Hello) *handoff.Conn {
	t.Helper()
	deadline := time.Now().Add(patience)
	for {
		conn, err := handoff.Dial(p.run)
		if err == nil {
			t.Cleanup(func() { _ = conn.Close() }) // nothing was written
			assert.NilError(t, conn.Send(hello))
			return conn
		}
		// The socket of a sidecar that was killed refuses until the next one listens.
		assert.Assert(t, errors.Is(err, os.ErrNotExist) || errors.Is(err, syscall.ECONNREFUSED), err)
		assert.Assert(t, time.Now().Before(deadline), "no sidecar listens")
		time.Sleep(10 * time.Millisecond)
	}
}

// listens returns when the pod's sidecar can be connected to.
func (p *pod) listens(t *testing.T) {
	t.Helper()
	for deadline := time.Now().Add(patience); ; time.Sleep(10 * time.Millisecond) {
		if _, err := os.Stat(p.run.Socket()); err == nil {
			return
		}
		assert.Assert(t, time.Now().Before(deadline), "no sidecar listens")
	}
}

// The row "sidecar never comes back".
func TestE4ASidecarThatNeverComesBackIs203(t *testing.T) {
	f := newFaulty(t)
	publish(t, f.direct, "first:v1")
	for name, tc := range map[string]struct {
		rule faults.Rule
		pod  func(t *testing.T) (p *pod, work string)
		want string // in the termination message
	}{
		"while pulling": {faults.Rule{Path: blobs}, func(t *testing.T) (*pod, string) {
			return newTaker(t, f.address, "first:v1", true)
		}, "waiting for the inputs"},
		"while pushing": {faults.Rule{Method: http.MethodPut}, func(t *testing.T) (*pod, string) {
			return newMaker(t, f.address, "out:v1")
		}, "waiting for the outputs to be pushed"},
	} {
		t.Run(name, func(t *testing.T) {
			f.hold(t, tc.rule)
			p, work := tc.pod(t)
			p.shim = []string{"--sidecar-timeout=300ms"}
			sidecar := p.sidecar(t)
			p.listens(t) // or the shim's time would be over before
			app := p.app(t, work, "true")
			f.awaitFired(t, "hold")
			sidecar.kill(t)
			assert.Equal(t, app.exitCode(t), handoff.ExitSidecarGone)
			assert.Assert(t, is.Contains(p.terminationMessage(t), tc.want))
		})
	}
}

// E34, and the row "shim killed".
func TestE34ASidecarWhoseShimIsKilledSaysSoAndEndsWhenAsked(t *testing.T) {
	f := newFaulty(t)
	p, work := newMaker(t, f.address, "out:v1")
	p.step.Outputs[0].Mount = work
	sidecar, app := p.connected(t, work, "exec sleep 1000")
	started, err := handoff.Await(patient(t), p.run, p.run.Started("app", 1), func(handoff.Started) bool { return true })
	assert.NilError(t, err)
	app.signal(t, syscall.SIGKILL)
	assert.NilError(t, syscall.Kill(started.PID, syscall.SIGKILL)) // in a container, the kernel does
	app.exitCode(t)
	sidecar.awaitOutput(t, "the shim is gone")
	sidecar.signal(t, syscall.SIGTERM)
	assert.Equal(t, sidecar.exitCode(t), 0)
	assert.Equal(t, digest(t, f.direct, "out"), "", "what a success would have pushed")
}

// E6, and the row "pod deleted while waiting for inputs". Bounds are ten times the target, and nothing but the signal can end
// the shim within them.
func TestE6APodThatIsDeletedWhileItWaitsIsGoneAtOnce(t *testing.T) {
	registry := newFaulty(t)
	publish(t, registry.direct, "first:v1")
	for name, rule := range map[string]faults.Rule{
		"to be told what its inputs are": {Path: manifests},
		"for their content":              {Path: blobs, After: midway},
	} {
		eachWay(t, name, func(t *testing.T, mounted bool) {
			f := registry.beside(t)
			f.hold(t, rule)
			p, data := newTaker(t, f.address, "first:v1", mounted)
			p.step.PullTimeout = time.Hour
			sidecar, app := p.connected(t, t.TempDir(), "true")
			f.awaitFired(t, "hold")

			start := time.Now()
			app.signal(t, syscall.SIGTERM)
			assert.Equal(t, app.exitCode(t), handoff.ExitSignal+int(syscall.SIGTERM))
			assert.Assert(t, time.Since(start) < time.Second)
			sidecar.signal(t, syscall.SIGTERM) // as the kubelet does when the last container has ended
			assert.Equal(t, sidecar.exitCode(t), 0)
			assert.Assert(t, time.Since(start) < 20*time.Second)

			done, err := handoff.Read[handoff.Done](p.run.Done("app", 1))
			assert.NilError(t, err)
			assert.Assert(t, done.Terminating && !done.Ran())
			assert.Assert(t, is.Len(visible(t, data), 0))
		})
	}
}

// E10, and the row "node reboot": what a sidecar said before it says nothing of this boot's processes.
func TestE10TheVerdictOfAnEarlierBootIsNoneOfThisOne(t *testing.T) {
	f := newFaulty(t)
	publish(t, f.direct, "first:v1")
	for name, stale := range map[string]string{
		"all is well": `"state":"ok"`,
		"no inputs":   `"state":"failed","failure":{"code":200,"message":"stale"}`,
	} {
		t.Run(name, func(t *testing.T) {
			p, data := newTaker(t, f.direct, "first:v1", true)
			record := `{"version":1,"bootID":"00000000-0000-0000-0000-000000000000",` + stale + `}`
			assert.NilError(t, os.WriteFile(p.run.Ready(), []byte(record), 0o644))
			app := p.app(t, t.TempDir(), "cat "+filepath.Join(data, "small"))
			p.sidecar(t)
			assert.Equal(t, app.exitCode(t), 0)
			assert.Equal(t, app.output.String(), "first:v1")
		})
	}
}
