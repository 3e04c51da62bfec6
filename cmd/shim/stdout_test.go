package main_test

import (
	"bufio"
	"crypto/sha256"
	"encoding/hex"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"testing"

	"gotest.tools/v3/assert"
	"gotest.tools/v3/icmd"

	"github.com/converged-computing/oras-operator/pkg/handoff"
)

// flooded is how many bytes flood writes: one GB.
const flooded = 1 << 30

// flood writes numbered lines to standard output.
func flood() int {
	out := bufio.NewWriterSize(os.Stdout, 64<<10)
	var line []byte
	for n := 0; n < flooded; n += len(line) {
		line = strconv.AppendInt(line[:0], int64(n), 10)
		line = append(line, '\n')
		line = line[:min(len(line), flooded-n)]
		if _, err := out.Write(line); err != nil {
			return 1
		}
	}
	if out.Flush() != nil {
		return 1
	}
	return 0
}

func TestE29AGigabyteOfOutputIsInTheLogAndInTheFileInOrder(t *testing.T) {
	file := filepath.Join(t.TempDir(), "logs", "out.txt")
	want := digest(t, helper("flood"))
	got := digest(t, append([]string{"shim", "--no-wait", "--no-hold", "--stdout-to=" + file, "--"}, helper("flood")...))
	assert.Equal(t, got, want)
	in, err := os.Open(file)
	assert.NilError(t, err)
	assert.Equal(t, sum(t, in), want)
}

// digest is of what a command prints.
func digest(t *testing.T, args []string) string {
	t.Helper()
	cmd := exec.Command(args[0], args[1:]...)
	cmd.Stderr = os.Stderr
	out, err := cmd.StdoutPipe()
	assert.NilError(t, err)
	assert.NilError(t, cmd.Start())
	hex := sum(t, out)
	assert.NilError(t, cmd.Wait())
	return hex
}

func sum(t *testing.T, in io.ReadCloser) string {
	t.Helper()
	hash := sha256.New()
	n, err := io.Copy(hash, in)
	assert.NilError(t, err)
	assert.NilError(t, in.Close())
	assert.Equal(t, n, int64(flooded))
	return hex.EncodeToString(hash.Sum(nil))
}

func TestE29WithNobodyReadingTheLogTheCommandEndsAsItWould(t *testing.T) {
	file := filepath.Join(t.TempDir(), "out.txt")
	script := `shim --no-wait --no-hold --stdout-to="$1" -- sh -c 'trap "" PIPE; while echo line; do :; done 2>/dev/null; exit 9' | head -n 1; echo "${PIPESTATUS[0]}"`
	icmd.RunCommand("bash", "-c", script, "bash", file).Assert(t, icmd.Expected{Out: "line\n9\n"})
}

func TestE29AFileThatCannotBeWrittenFailsTheStepAndKeepsTheLog(t *testing.T) {
	w := newWrapped(t)
	p := w.start([]string{"--no-wait", "--no-hold", "--stdout-to=/dev/full"}, "echo", "logged")
	p.wait().Assert(t, icmd.Expected{ExitCode: handoff.ExitRefused, Out: "logged\n"})
	assert.Assert(t, contains(w.terminationMessage(), "could not be written to /dev/full: "))
	assert.Assert(t, contains(w.terminationMessage(), "no space left on device"))
	assert.Equal(t, w.done(1).Failure.Code, handoff.ExitRefused)
	assert.Equal(t, w.done(1).ExitCode, 0)
}

func TestE26WhatTheCommandLeftBehindDoesNotKeepTheOutputOpen(t *testing.T) {
	file := filepath.Join(t.TempDir(), "out.txt")
	icmd.RunCmd(icmd.Command("shim", "--no-wait", "--no-hold", "--leftover-grace=10ms", "--stdout-to="+file, "--",
		"sh", "-c", `(trap "" TERM; echo early; sleep 1000) & sleep 0.1; echo last`), icmd.WithTimeout(timeout)).Assert(t, icmd.Success)
	text, err := os.ReadFile(file)
	assert.NilError(t, err)
	assert.Equal(t, string(text), "early\nlast\n")
}

func TestTheFileForTheOutputMayBeNamedByAttemptAndPod(t *testing.T) {
	w := newWrapped(t)
	w.ready(handoff.Ready{State: handoff.OK, Pod: handoff.PodIdentity{Index: "7"}})
	file := filepath.Join(t.TempDir(), "{container}-{attempt}-{index}.txt")
	w.start([]string{"--no-hold", "--stdout-to=" + file}, "echo", "x").wait().Assert(t, icmd.Success)
	_, err := os.Stat(filepath.Join(filepath.Dir(file), "app-1-7.txt"))
	assert.NilError(t, err)
	w.start([]string{"--no-wait", "--no-hold", "--stdout-to={pod}.txt"}, "echo", "ran").wait().
		Assert(t, icmd.Expected{ExitCode: handoff.ExitConfig, Err: "{pod} is not known here"})
}
