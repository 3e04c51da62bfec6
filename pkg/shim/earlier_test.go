package shim

import (
	"os"
	"path/filepath"
	"syscall"
	"testing"
	"time"

	"gotest.tools/v3/assert"

	"github.com/converged-computing/oras-operator/pkg/handoff"
)

func TestE46WhatAnAttemptDoesAfterTheOneBefore(t *testing.T) {
	ran := handoff.Done{Started: time.Unix(1, 0), Outputs: "fingerprint"}
	failed := handoff.Done{Started: time.Unix(1, 0), ExitCode: 3}
	cut := handoff.Done{Started: time.Unix(1, 0), Outputs: "fingerprint", Failure: &handoff.Failure{Code: 202}}
	ok := handoff.Pushed{State: handoff.OK}
	refused := handoff.Pushed{State: handoff.Failed}
	for name, c := range map[string]struct {
		policy  RestartPolicy
		done    handoff.Done
		pushed  handoff.Pushed
		changed bool
		want    next
	}{
		"nothing is known of it":                {RestartOnFailure, handoff.Done{}, handoff.Pushed{}, false, runCommand},
		"its command never ran":                 {RestartOnFailure, handoff.Done{ExitCode: 200}, handoff.Pushed{}, false, runCommand},
		"pushed, OnFailure":                     {RestartOnFailure, ran, ok, false, endAlike},
		"pushed, Never":                         {RestartNever, ran, ok, false, endAlike},
		"pushed, Always":                        {RestartAlways, ran, ok, false, runCommand},
		"skipped, Never":                        {RestartNever, ran, handoff.Pushed{State: handoff.Skipped}, false, endAlike},
		"failed command, OnFailure":             {RestartOnFailure, failed, ok, false, runCommand},
		"failed command, Never":                 {RestartNever, failed, handoff.Pushed{State: handoff.Skipped}, false, endAlike},
		"failed command, nothing pushed, Never": {RestartNever, failed, handoff.Pushed{}, false, runCommand},
		"failed push, OnFailure":                {RestartOnFailure, ran, refused, false, pushOnly},
		"failed push, Never":                    {RestartNever, ran, refused, false, pushOnly},
		"failed push, Always":                   {RestartAlways, ran, refused, false, runCommand},
		"unfinished push":                       {RestartOnFailure, ran, handoff.Pushed{State: handoff.Pushing}, false, pushOnly},
		"no push":                               {RestartOnFailure, ran, handoff.Pushed{}, false, pushOnly},
		"a push of what a killed shim left":     {RestartOnFailure, ran, handoff.Pushed{State: handoff.OK, Incomplete: true}, false, pushOnly},
		"failed push, outputs changed":          {RestartOnFailure, ran, refused, true, runCommand},
		"failed push, outputs on no volume":     {RestartOnFailure, handoff.Done{Started: time.Unix(1, 0)}, refused, false, runCommand},
		"outputs that are not whole":            {RestartOnFailure, cut, refused, false, runCommand},
	} {
		t.Run(name, func(t *testing.T) {
			got := decideNext(c.policy, c.done, c.pushed, func() bool { return !c.changed })
			assert.Equal(t, got, c.want)
		})
	}
}

func TestE46WhatAnAttemptStoodForIsDealtWithUnderAnyNumberBetween(t *testing.T) {
	for dealtWith, want := range map[int]bool{1: false, 2: true, 3: true, 4: true} {
		l := &life{opts: Options{Container: "app", RunDir: handoff.Dir(t.TempDir())}, log: newLogger(LogOptions{}, t.Output())}
		dir := l.opts.RunDir
		assert.NilError(t, handoff.Write(dir.Done("app", 4), handoff.Done{RanAs: 2}))
		assert.NilError(t, handoff.Write(dir.Pushed("app", 4), handoff.Pushed{State: handoff.Failed}))
		assert.NilError(t, handoff.Write(dir.Pushed("app", dealtWith), handoff.Pushed{State: handoff.OK}))
		done, pushed := l.recordsOf(4)
		assert.Equal(t, done.RanAs, 2)
		assert.Equal(t, pushed.DealtWith(), want, "dealt with as attempt %d", dealtWith)
	}
}

func TestAFingerprintIsOfWhatTheAttemptHasMadeThatIsAskedFor(t *testing.T) {
	work := t.TempDir()
	assert.NilError(t, os.Mkdir(filepath.Join(work, "1"), 0o700))
	l := &life{opts: Options{Container: "app", DurableOutputs: []string{work + "/{attempt}"}}, log: newLogger(LogOptions{}, t.Output())}
	l.attempt = 1
	made := l.fingerprint(1)
	assert.Assert(t, made != "")
	l.attempt = 2
	assert.Equal(t, l.fingerprint(1), made)
	assert.Equal(t, l.fingerprint(2), "")
}

func TestAFingerprintChangesWithTheOutputs(t *testing.T) {
	for name, c := range map[string]struct {
		change func(file string, was os.FileInfo) error
		same   bool
	}{
		"nothing":                           {func(string, os.FileInfo) error { return nil }, true},
		"another file":                      {func(file string, _ os.FileInfo) error { return os.WriteFile(file+"-more", nil, 0o600) }, false},
		"a file less":                       {func(file string, _ os.FileInfo) error { return os.Remove(file) }, false},
		"same size and time, other content": {rewrite, false},
	} {
		t.Run(name, func(t *testing.T) {
			dir := t.TempDir()
			file := filepath.Join(dir, "file")
			assert.NilError(t, os.WriteFile(file, []byte("one"), 0o600))
			before, err := fingerprintOf([]string{dir})
			assert.NilError(t, err)
			was, err := os.Stat(file)
			assert.NilError(t, err)
			assert.NilError(t, c.change(file, was))
			after, err := fingerprintOf([]string{dir})
			assert.NilError(t, err)
			assert.Equal(t, after == before, c.same)
		})
	}
	_, err := fingerprintOf([]string{filepath.Join(t.TempDir(), "absent")})
	assert.ErrorIs(t, err, os.ErrNotExist)
}

// rewrite replaces the content of a file and puts its time back, until the file system's clock has ticked.
func rewrite(file string, was os.FileInfo) error {
	for {
		if err := os.WriteFile(file, []byte("two"), 0o600); err != nil {
			return err
		}
		if err := os.Chtimes(file, time.Time{}, was.ModTime()); err != nil {
			return err
		}
		is, err := os.Stat(file)
		if err != nil || is.Sys().(*syscall.Stat_t).Ctim != was.Sys().(*syscall.Stat_t).Ctim {
			return err
		}
	}
}

func TestAStallMattersOnlyToAContainerThatWasToldToStop(t *testing.T) {
	s := &stall{limit: 30 * time.Second}
	at := func(seconds int64) time.Time { return time.Unix(1000+seconds, 0) }
	moved := handoff.Progress{Bytes: 1}
	assert.NilError(t, s.check(moved, at(0)))
	assert.NilError(t, s.check(moved, at(100)))
	s.matters.Store(true)
	assert.NilError(t, s.check(moved, at(100)), "it counts from now")
	assert.NilError(t, s.check(moved, at(129)))
	assert.NilError(t, s.check(handoff.Progress{Bytes: 2}, at(130)), "it moves")
	assert.NilError(t, s.check(handoff.Progress{Bytes: 2}, at(159)))
	assert.ErrorContains(t, s.check(handoff.Progress{Bytes: 2}, at(160)), "nothing of its outputs was pushed for 30s")
	none := &stall{}
	none.matters.Store(true)
	assert.NilError(t, none.check(moved, at(0)))
	assert.NilError(t, none.check(moved, at(10_000)))
}
