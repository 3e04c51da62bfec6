package durability

import (
	"context"
	"errors"
	"io/fs"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strconv"
	"testing"
	"time"

	"github.com/opencontainers/go-digest"
	"gotest.tools/v3/assert"

	"github.com/converged-computing/oras-operator/pkg/registry/layout"
	"github.com/converged-computing/oras-operator/pkg/registry/storage"
	"github.com/converged-computing/oras-operator/test/registryserver"
)

const (
	// roundsEnv is how often the registry is killed. Without it that is fewCrashes times.
	roundsEnv  = "CRASH_REGISTRY"
	fewCrashes = 5
	// crashGrace is as short as it can be while most pushes still succeed.
	crashGrace = 2 * time.Second
	// longestRun is how long a registry lives at most.
	longestRun = 2500 * time.Millisecond
)

func TestE82WhatIsAcknowledgedSurvivesKillsAndNothingElseIsLeft(t *testing.T) {
	t.Parallel()
	crashes := fewCrashes
	if text := os.Getenv(roundsEnv); text != "" {
		var err error
		crashes, err = strconv.Atoi(text)
		assert.NilError(t, err)
	}
	root := t.TempDir()
	s := newServer(t, write(t, storage.Config{Root: root},
		collectSection{Schedule: "@every 1s", GracePeriod: crashGrace.String(), Retention: Rules(crashGrace)}))
	seed := newSeed(t)
	r := rand.New(rand.NewPCG(seed, 0))
	load := New(Options{URLs: func() []string { return []string{s.address()} }, Seed: seed, Grace: crashGrace})
	uploading, removing := 0, 0 // kills that came then
	for i := range crashes {
		ctx, cancel := context.WithCancel(t.Context())
		ended := make(chan struct{})
		go func() {
			defer close(ended)
			load.Run(ctx)
		}()
		time.Sleep(time.Duration(r.Int64N(int64(longestRun))))
		if i%3 == 0 {
			awaitRemoval(root, longestRun)
			time.Sleep(time.Duration(r.Int64N(int64(5 * time.Millisecond))))
		}
		s.kill()
		cancel()
		<-ended
		left, err := Directory(root)
		assert.NilError(t, err)
		if len(left.Uploads) > 0 {
			uploading++
		}
		if condemned(root) {
			removing++
		}
		s.start()
		holds(t, load)
	}
	age(t, root)
	stored := returns(t, load, 3*crashGrace+30*time.Second, []*server{s}, func() (Stored, error) { return Directory(root) })
	for began := time.Now(); len(stored.Uploads) > 0 && time.Since(began) < registryserver.Patience; time.Sleep(time.Second) {
		var err error
		stored, err = Directory(root)
		assert.NilError(t, err)
	}
	holds(t, load)
	assert.Equal(t, load.Counts.Dangling.Load(), int64(0), "tags that name nothing")
	s.stop()
	assertNothingIsLeft(t, root, load.Live())
	t.Logf("%d kills, of them with uploads under way %d, and between the condemning and the pardon of a round %d", s.kills, uploading, removing)
	t.Logf("%s; rounds that ended, and what they removed: %+v", &load.Counts, s.collected())
	assert.Assert(t, uploading > 0)
}

// condemned tells whether a round has written down what it condemns, and has not ended.
func condemned(root string) bool {
	_, err := os.Stat(filepath.Join(root, layout.Collect, "condemned"))
	return err == nil
}

// awaitRemoval waits for a round that removes something.
func awaitRemoval(root string, patience time.Duration) {
	for began := time.Now(); !condemned(root) && time.Since(began) < patience; {
		time.Sleep(time.Millisecond)
	}
}

// age dates uploads back by more than a day, after which the registry takes them for abandoned.
func age(t *testing.T, root string) {
	t.Helper()
	old := time.Now().Add(-25 * time.Hour)
	assert.NilError(t, filepath.WalkDir(filepath.Join(root, layout.Repositories), func(p string, _ fs.DirEntry, err error) error {
		if _, ok := layout.InUpload(p[len(root):]); ok && err == nil {
			err = os.Chtimes(p, old, old)
		}
		if errors.Is(err, fs.ErrNotExist) {
			return nil
		}
		return err
	}))
}

// assertNothingIsLeft asserts that a directory whose registry has ended holds what is kept, and nothing but what leads to it.
func assertNothingIsLeft(t *testing.T, root string, live map[digest.Digest]int64) {
	t.Helper()
	stored, err := Directory(root)
	assert.NilError(t, err)
	assert.DeepEqual(t, stored.Blobs, live)
	assert.Equal(t, len(stored.Uploads), 0, "uploads are left: %v", stored.Uploads)
	assert.Equal(t, len(stored.Partial), 0, "files that are not whole are left: %v", stored.Partial)
	assert.NilError(t, filepath.WalkDir(filepath.Join(root, layout.Repositories), func(p string, entry fs.DirEntry, err error) error {
		if err != nil || entry.Name() != layout.Link {
			return err
		}
		target, err := os.ReadFile(p)
		if err == nil {
			_, there := live[digest.Digest(target)]
			assert.Check(t, there, "%s leads to nothing", p)
		}
		return err
	}))
}
