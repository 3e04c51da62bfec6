package main

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"net/http"
	"os"
	"os/exec"
	"regexp"
	"strings"
	"sync"
	"syscall"
	"testing"
	"testing/synctest"
	"time"

	"github.com/spf13/cobra"
	"golang.org/x/sys/unix"
	"gotest.tools/v3/assert"

	"github.com/converged-computing/oras-operator/pkg/transfer"
)

func newSession(out io.Writer) *session {
	cmd := &cobra.Command{}
	cmd.SetErr(out)
	return &session{cmd: cmd, err: &passage{w: out}}
}

func TestWithoutATerminalLongWorkIsToldInLines(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var out bytes.Buffer
		s := newSession(&out)
		stop := s.progress("Pulling", "x")
		s.counters.TotalBytes.Store(30e6)
		s.counters.TotalFiles.Store(10)
		time.Sleep(4 * time.Second)
		assert.Equal(t, out.String(), "")
		s.counters.Bytes.Store(10e6)
		s.counters.Files.Store(3)
		time.Sleep(time.Minute) // and it stands still
		stop()
		assert.Equal(t, out.String(), "Pulling x: 10MB of 30MB, 3 of 10 files, 2MB/s, 10s left\n")
	})
}

func TestShortAndQuietWorkIsNotTold(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var out bytes.Buffer
		s := newSession(&out)
		stop := s.progress("Pulling", "x")
		time.Sleep(3 * time.Second)
		stop()
		s.quiet = true
		stop = s.progress("Pulling", "x")
		time.Sleep(time.Hour)
		stop()
		assert.Equal(t, out.String(), "")
	})
}

func TestAMeterKnowsItsRate(t *testing.T) {
	start := time.Unix(0, 0)
	var m meter
	for i, bytes := range []int64{0, 1e6, 1e6, 1e6, 1e6, 1e6, 1e6, 4e6} { // it stood still, then went on
		m.add(sample{at: start.Add(time.Duration(i) * time.Second), bytes: bytes, totalBytes: 10e6})
	}
	assert.Equal(t, m.rate(), 3e6/5) // over the last five seconds
	left, known := m.left()
	assert.Assert(t, known)
	assert.Equal(t, left, 10*time.Second)
	assert.Equal(t, m.String(), "4MB of 10MB, 600kB/s, 10s left")

	var unknown meter
	assert.Equal(t, unknown.String(), "0B of 0B")
	unknown.add(sample{at: start, bytes: 5})
	unknown.add(sample{at: start.Add(time.Second), bytes: 2}) // it has to be sent again
	assert.Equal(t, unknown.rate(), 0.0)
}

func TestPatienceEndsWhenNothingGetsThrough(t *testing.T) {
	attempt := transfer.Attempt{Err: syscall.ECONNREFUSED, Wait: 10 * time.Second}
	for name, test := range map[string]struct {
		work  func(i int) int64
		pause time.Duration // between failures
		gave  bool
	}{
		"at all":                             {func(int) int64 { return 5 }, 10 * time.Second, true},
		"for a while, but then it does":      {func(i int) int64 { return int64(i / 4) }, 10 * time.Second, false},
		"now and then, with success between": {func(int) int64 { return 5 }, 2 * time.Minute, false},
	} {
		t.Run(name, func(t *testing.T) {
			ctx, cancel := context.WithCancelCause(t.Context())
			p := patience{cancel: cancel}
			now := time.Unix(0, 0)
			for i := range 20 {
				p.failed(attempt, test.work(i), now)
				now = now.Add(test.pause)
			}
			assert.Equal(t, ctx.Err() != nil, test.gave)
			if test.gave {
				assert.ErrorContains(t, context.Cause(ctx), "nothing has got through for 1m0s: connection refused")
				assert.Equal(t, exitCode(context.Cause(ctx)), exitGaveUp)
			}
		})
	}
}

func TestAFailureIsToldOnceForAllThatWaits(t *testing.T) {
	p := patience{cancel: func(error) {}}
	now := time.Unix(0, 0)
	attempt := transfer.Attempt{Err: syscall.ECONNREFUSED, Wait: 2 * time.Second}
	assert.Assert(t, p.failed(attempt, 0, now))
	assert.Assert(t, !p.failed(attempt, 0, now.Add(time.Second)))
	assert.Assert(t, p.failed(attempt, 0, now.Add(2*time.Second)))
}

// slow makes the registry serve large blobs in pieces, with a pause after each.
func slow(f *front, pause time.Duration) {
	f.set(func(w http.ResponseWriter, r *http.Request) bool {
		if r.Method != http.MethodGet || !strings.Contains(r.URL.Path, "/blobs/") {
			return false
		}
		f.app.ServeHTTP(&slowly{ResponseWriter: w, pause: pause, gone: r.Context().Done()}, r)
		return true
	})
}

type slowly struct {
	http.ResponseWriter
	pause time.Duration
	gone  <-chan struct{} // the client
	n     int
}

func (s *slowly) Write(b []byte) (int, error) {
	if s.n += len(b); s.n > 512<<10 {
		s.n = 0
		s.ResponseWriter.(http.Flusher).Flush()
		select {
		case <-time.After(s.pause):
		case <-s.gone:
		}
	}
	return s.ResponseWriter.Write(b)
}

func TestOnATerminalABarIsDrawnAndGoes(t *testing.T) {
	registry := startRegistry(t)
	does(t, "push", registry.host+"/a:v1", results(t).Path())
	slow(registry, 300*time.Millisecond)
	screen, code := onTerminal(t, 120, "pull", registry.host+"/a:v1", "--into", t.TempDir())
	assert.Equal(t, code, 0)
	bars := regexp.MustCompile(`Pulling +(\d+)% \[=*>?-*\] +[0-9.]+[kM]?B of 5.24MB, \d of 5 files, [0-9.]+[kM]B/s, \d+s left`).FindAllStringSubmatch(screen, -1)
	seen := map[string]bool{}
	for _, bar := range bars {
		seen[bar[1]] = true
	}
	assert.Assert(t, len(seen) > 2, "the bar is to move: %q", screen)
	last := screen[strings.LastIndex(screen, "Pulling ")+1:]
	matches(t, last, `.*\x1b\[J`+"Pulled "+registry.host+"/a:v1@"+digests+" into .*\r\n5 files, 5.24MB, 5.2[45]MB received in [0-9.]+s\r\n")
}

func TestLinesGoAboveTheBar(t *testing.T) {
	registry := startRegistry(t)
	does(t, "push", registry.host+"/a:v1", results(t).Path())
	var once sync.Once
	registry.set(func(w http.ResponseWriter, _ *http.Request) (failed bool) {
		once.Do(func() {
			time.Sleep(time.Second) // until the bar is drawn
			w.Header().Set("Retry-After", "1")
			w.WriteHeader(http.StatusTooManyRequests)
			failed = true
		})
		return failed
	})
	screen, code := onTerminal(t, 120, "pull", registry.host+"/a:v1", "--into", t.TempDir())
	assert.Equal(t, code, 0)
	assert.Equal(t, strings.Count(screen, "The registry answered 429, trying again in 1s\r\nPulling"), 1,
		"the bar is to come again below it, and not over it: %q", screen)
}

// onTerminal runs the sidecar on a terminal of its own, so many columns wide, and returns what was on it and the exit code.
func onTerminal(t *testing.T, columns uint16, args ...string) (string, int) {
	t.Helper()
	master, err := os.OpenFile("/dev/ptmx", os.O_RDWR|unix.O_NOCTTY, 0)
	assert.NilError(t, err)
	fd := int(master.Fd())
	assert.NilError(t, unix.IoctlSetPointerInt(fd, unix.TIOCSPTLCK, 0))
	n, err := unix.IoctlGetInt(fd, unix.TIOCGPTN)
	assert.NilError(t, err)
	assert.NilError(t, unix.IoctlSetWinsize(fd, unix.TIOCSWINSZ, &unix.Winsize{Row: 24, Col: columns}))
	slave, err := os.OpenFile(fmt.Sprintf("/dev/pts/%d", n), os.O_RDWR|unix.O_NOCTTY, 0)
	assert.NilError(t, err)

	ctx, cancel := context.WithTimeout(t.Context(), timeout)
	defer cancel()
	cmd := exec.CommandContext(ctx, "sidecar", args...)
	cmd.Stdin, cmd.Stdout, cmd.Stderr = slave, slave, slave
	cmd.SysProcAttr = &syscall.SysProcAttr{Setsid: true, Setctty: true}
	assert.NilError(t, cmd.Start())
	assert.NilError(t, slave.Close())
	screen, _ := io.ReadAll(master) // ends with EIO when nobody has the terminal open
	_ = cmd.Wait()                  // the exit code tells
	assert.NilError(t, master.Close())
	return string(screen), cmd.ProcessState.ExitCode()
}
