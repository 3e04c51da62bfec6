package handoff_test

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"testing"
	"time"

	"gotest.tools/v3/assert"

	"github.com/converged-computing/oras-operator/pkg/handoff"
)

// E1: the record is there before anyone waits.
func TestE1ARecordThatIsThereIsNotWaitedFor(t *testing.T) {
	dir := handoff.Dir(t.TempDir())
	assert.NilError(t, handoff.Write(dir.Ready(), handoff.Ready{State: handoff.OK}))
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	ready, err := handoff.Await(ctx, dir, dir.Ready(), final)
	assert.NilError(t, err)
	assert.Equal(t, ready.State, handoff.OK)
}

func TestAwaitSeesARecordInDirectoriesThatDoNotExistYet(t *testing.T) {
	dir := handoff.Dir(t.TempDir())
	seen := make(chan time.Time, 1)
	waiting := make(chan struct{})
	go func() {
		first := true
		err := handoff.Watch(t.Context(), dir, dir.Pushed("app", 1), func() (bool, error) {
			if first {
				close(waiting)
				first = false
			}
			_, err := handoff.Read[handoff.Pushed](dir.Pushed("app", 1))
			return err == nil, nil
		})
		if err != nil {
			t.Error(err)
		}
		seen <- time.Now()
	}()
	<-waiting
	written := time.Now()
	assert.NilError(t, handoff.Write(dir.Pushed("app", 1), handoff.Pushed{State: handoff.OK}))
	// Ten times what inotify needs on a loaded machine, half of what the poll beneath it would take.
	assert.Assert(t, (<-seen).Sub(written) < 500*time.Millisecond)
}

func TestAwaitPassesOverARecordThatIsNotAccepted(t *testing.T) {
	dir := handoff.Dir(t.TempDir())
	assert.NilError(t, handoff.Write(dir.Ready(), handoff.Ready{State: handoff.Pulling}))
	got := make(chan handoff.Ready, 1)
	go func() {
		ready, err := handoff.Await(t.Context(), dir, dir.Ready(), final)
		if err != nil {
			t.Error(err)
		}
		got <- ready
	}()
	assert.NilError(t, handoff.Write(dir.Ready(), handoff.Ready{State: handoff.Failed}))
	assert.Equal(t, (<-got).State, handoff.Failed)
}

func TestAwaitEndsWithTheCauseOfItsContext(t *testing.T) {
	dir := handoff.Dir(t.TempDir())
	ctx, cancel := context.WithCancelCause(t.Context())
	reason := errors.New("the pod is ending")
	go cancel(reason)
	_, err := handoff.Await(ctx, dir, dir.Ready(), final)
	assert.ErrorIs(t, err, reason)
}

func TestAwaitEndsWithTheErrorOfAnUnreadableRecord(t *testing.T) {
	dir := handoff.Dir(t.TempDir())
	assert.NilError(t, os.MkdirAll(dir.Ready(), 0o755))
	_, err := handoff.Await(t.Context(), dir, dir.Ready(), final)
	assert.ErrorIs(t, err, handoff.ErrNotRecord)
}

// E2: an event that inotify never reports, here because the directory it would be reported for was replaced.
func TestE2AMissedEventIsMadeUpForByThePoll(t *testing.T) {
	base := t.TempDir()
	dir := handoff.Dir(filepath.Join(base, "run"))
	elsewhere := handoff.Dir(filepath.Join(base, "elsewhere"))
	assert.NilError(t, os.MkdirAll(dir.Sidecar(), 0o755))
	assert.NilError(t, handoff.Write(elsewhere.Ready(), handoff.Ready{State: handoff.OK}))
	looked := make(chan struct{}, 1)
	done := make(chan error, 1)
	go func() {
		done <- handoff.Watch(t.Context(), dir, dir.Ready(), func() (bool, error) {
			select {
			case looked <- struct{}{}:
			default:
			}
			_, err := handoff.Read[handoff.Ready](dir.Ready())
			return err == nil, nil
		})
	}()
	<-looked
	assert.NilError(t, os.Rename(string(dir), string(dir)+".old"))
	assert.NilError(t, os.Rename(string(elsewhere), string(dir)))
	assert.NilError(t, <-done)
}

func final(r handoff.Ready) bool { return r.State.Final() }
