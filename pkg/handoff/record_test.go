package handoff_test

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"golang.org/x/sys/unix"
	"gotest.tools/v3/assert"

	"github.com/converged-computing/oras-operator/pkg/handoff"
)

func TestRecordsComeBackAsTheyWereWritten(t *testing.T) {
	path := filepath.Join(t.TempDir(), "a", "b", "done")
	ended := time.Date(1969, 7, 20, 20, 17, 40, 123456789, time.UTC)

	assert.NilError(t, handoff.Write(path, handoff.Done{ExitCode: 137, Signal: 9, Terminating: true, Ended: ended}))

	done, err := handoff.Read[handoff.Done](path)
	assert.NilError(t, err)
	assert.Equal(t, done.ExitCode, 137)
	assert.Equal(t, done.Signal, 9)
	assert.Assert(t, done.Terminating)
	assert.Assert(t, done.Ended.Equal(ended))
	assert.Assert(t, done.Started.IsZero())
	assert.Equal(t, done.Version, handoff.Version)
	assert.Assert(t, done.ThisBoot())
}

func TestARecordIsReadableForAllWhateverTheUmask(t *testing.T) {
	old := unix.Umask(0o777)
	defer unix.Umask(old)
	dir := filepath.Join(t.TempDir(), "sidecar")

	assert.NilError(t, handoff.Write(filepath.Join(dir, "ready"), handoff.Ready{State: handoff.OK}))

	for path, want := range map[string]fs.FileMode{dir: 0o755 | fs.ModeDir, filepath.Join(dir, "ready"): 0o644} {
		info, err := os.Stat(path)
		assert.NilError(t, err)
		assert.Equal(t, info.Mode(), want, path)
	}
}

// E9: what stands where a record should, and is none.
func TestE9WhatIsNoRecordIsRefused(t *testing.T) {
	valid := filepath.Join(t.TempDir(), "ready")
	assert.NilError(t, handoff.Write(valid, handoff.Ready{State: handoff.OK}))
	tests := map[string]struct {
		make func(path string) error
		want error
	}{
		"a missing file":       {func(string) error { return nil }, fs.ErrNotExist},
		"an empty file":        {write(""), handoff.ErrNotRecord},
		"half a record":        {write(`{"version":1,"sta`), handoff.ErrNotRecord},
		"an oversized file":    {write(`{"version":1}` + strings.Repeat(" ", handoff.MaxRecordSize)), handoff.ErrNotRecord},
		"no version":           {write(`{}`), handoff.ErrNotRecord},
		"a negative version":   {write(`{"version":-1}`), handoff.ErrNotRecord},
		"a newer version":      {write(`{"version":2}`), handoff.ErrNewer},
		"a symlink":            {func(path string) error { return os.Symlink(valid, path) }, handoff.ErrNotRecord},
		"a FIFO":               {func(path string) error { return unix.Mkfifo(path, 0o644) }, handoff.ErrNotRecord},
		"a directory":          {func(path string) error { return os.Mkdir(path, 0o755) }, handoff.ErrNotRecord},
		"JSON of another kind": {write(`[1]`), handoff.ErrNotRecord},
	}
	for name, tc := range tests {
		t.Run(name, func(t *testing.T) {
			path := filepath.Join(t.TempDir(), "ready")
			assert.NilError(t, tc.make(path))
			_, err := handoff.Read[handoff.Ready](path)
			assert.ErrorIs(t, err, tc.want)
		})
	}
}

func TestFieldsOfALaterVersionOfTheSameFormatAreIgnored(t *testing.T) {
	path := filepath.Join(t.TempDir(), "ready")
	assert.NilError(t, write(`{"version":1,"bootID":"x","state":"ok","mood":"fine"}`)(path))
	ready, err := handoff.Read[handoff.Ready](path)
	assert.NilError(t, err)
	assert.Equal(t, ready.State, handoff.OK)
	assert.Assert(t, !ready.ThisBoot())
}

func TestAReaderNeverSeesHalfARecord(t *testing.T) {
	path := filepath.Join(t.TempDir(), "ready")
	assert.NilError(t, handoff.Write(path, handoff.Ready{State: handoff.Pulling}))
	var writers sync.WaitGroup
	stop := make(chan struct{})
	for range 2 {
		writers.Go(func() {
			for {
				select {
				case <-stop:
					return
				default:
				}
				big := handoff.Ready{State: handoff.OK, Inputs: make([]handoff.Artifact, 50)}
				if err := handoff.Write(path, big); err != nil {
					t.Error(err)
				}
			}
		})
	}
	for range 200 {
		ready, err := handoff.Read[handoff.Ready](path)
		if err != nil || (ready.State == handoff.OK && len(ready.Inputs) != 50) {
			t.Errorf("read %d inputs, error %v", len(ready.Inputs), err)
			break
		}
	}
	close(stop)
	writers.Wait()
	left, err := filepath.Glob(filepath.Join(filepath.Dir(path), ".*"))
	assert.NilError(t, err)
	assert.Equal(t, len(left), 0, "temporary files are left: %v", left)
}

func TestAFailureIsAnErrorThatIsOneSentence(t *testing.T) {
	var err error = &handoff.Failure{Code: handoff.ExitInputs, Message: "input a:b is not there"}
	failure, ok := errors.AsType[*handoff.Failure](err)
	assert.Assert(t, ok)
	assert.Equal(t, failure.Code, 200)
	assert.Error(t, err, "input a:b is not there")
}

func FuzzReadRefusesOrReadsAnyBytes(f *testing.F) {
	f.Add([]byte(`{"version":1,"bootID":"x","state":"failed","failure":{"code":200,"message":"m"}}`))
	f.Add([]byte(`{"version":1e400}`))
	f.Fuzz(func(t *testing.T, data []byte) {
		path := filepath.Join(t.TempDir(), "ready")
		assert.NilError(t, os.WriteFile(path, data, 0o600))
		ready, err := handoff.Read[handoff.Ready](path)
		if err == nil && ready.Version != handoff.Version {
			t.Errorf("accepted version %d", ready.Version)
		}
	})
}

func write(text string) func(path string) error {
	return func(path string) error { return os.WriteFile(path, []byte(text), 0o600) }
}
