package main

import (
	"context"
	"os"
	"os/exec"
	"testing"
	"time"

	"gotest.tools/v3/assert"
)

func shell(script string) command { return command{args: []string{"/bin/sh", "-c", script}} }

func TestACommandIsMeasured(t *testing.T) {
	scratch := t.TempDir()
	s, err := measure(t.Context(), (*exec.Cmd).Start, scratch,
		shell(`head -c 300000 /dev/zero >"$TMPDIR/x"; sleep 0.1; rm "$TMPDIR/x"; i=0; while [ $i -lt 100000 ]; do i=$((i+1)); done`))
	assert.NilError(t, err)
	assert.Assert(t, s.Seconds >= 0.1 && s.Seconds < 60, s.Seconds)
	assert.Assert(t, s.Disk >= 300000 && s.Disk < 600000, s.Disk)
	assert.Assert(t, s.CPU > 0.01, s.CPU)
	assert.Assert(t, s.Memory > 100*kib && s.Memory < 8*mib, "%d, which is not that of a shell", s.Memory)
	left, err := os.ReadDir(scratch)
	assert.NilError(t, err)
	assert.Equal(t, len(left), 0)
}

func TestThePeakOfACommandIsSeenWhenItIsAboveOurs(t *testing.T) {
	const much = 200 * mib
	s, err := measure(t.Context(), (*exec.Cmd).Start, t.TempDir(), shell("head -c 200M /dev/zero | tail -c 200M >/dev/null"))
	assert.NilError(t, err)
	assert.Assert(t, s.Memory > much, s.Memory)
}

func TestACommandThatFailsSaysWhatItPrinted(t *testing.T) {
	_, err := measure(t.Context(), (*exec.Cmd).Start, t.TempDir(), shell("echo no such thing >&2; exit 3"))
	assert.ErrorContains(t, err, "exit status 3: no such thing")
}

func TestACommandEndsWhenTheBenchmarkDoes(t *testing.T) {
	ctx, stop := context.WithTimeout(t.Context(), 100*time.Millisecond)
	defer stop()
	began := time.Now()
	_, err := measure(ctx, (*exec.Cmd).Start, t.TempDir(), command{args: []string{"sleep", "100"}})
	assert.ErrorContains(t, err, "killed")
	assert.Assert(t, time.Since(began) < 50*time.Second)
}
