package collect

import (
	"context"
	"errors"
	"net/http"
	"testing"
	"testing/synctest"
	"time"

	storagedriver "github.com/distribution/distribution/v3/registry/storage/driver"
	"github.com/distribution/distribution/v3/registry/storage/driver/inmemory"
	"github.com/opencontainers/go-digest"
	"gotest.tools/v3/assert"

	"github.com/converged-computing/oras-operator/pkg/registry/layout"
)

var errKilled = errors.New("killed")

// mortal is a driver that writes and removes a number of times and then does nothing any more, until it is given more.
// What it reads changes nothing, so that it may as well die after as before.
type mortal struct {
	storagedriver.StorageDriver
	left int // times; negative: without end
	// last is what becomes of the operation in which it dies: nothing, all, or, where a directory is removed, a part.
	last string
}

func (m *mortal) change(whole, part func() error) error {
	switch {
	case m.left < 0:
		return whole()
	case m.left > 1:
		m.left--
		return whole()
	case m.left == 1:
		m.left = 0
		switch m.last {
		case "all":
			return errors.Join(errKilled, whole())
		case "part":
			return errors.Join(errKilled, part())
		}
	}
	return errKilled
}

func (m *mortal) dead() error {
	if m.left == 0 {
		return errKilled
	}
	return nil
}

func (m *mortal) GetContent(ctx context.Context, p string) ([]byte, error) {
	if err := m.dead(); err != nil {
		return nil, err
	}
	return m.StorageDriver.GetContent(ctx, p)
}

func (m *mortal) Stat(ctx context.Context, p string) (storagedriver.FileInfo, error) {
	if err := m.dead(); err != nil {
		return nil, err
	}
	return m.StorageDriver.Stat(ctx, p)
}

func (m *mortal) List(ctx context.Context, p string) ([]string, error) {
	if err := m.dead(); err != nil {
		return nil, err
	}
	return m.StorageDriver.List(ctx, p)
}

func (m *mortal) PutContent(ctx context.Context, p string, data []byte) error {
	return m.change(func() error { return m.StorageDriver.PutContent(ctx, p, data) }, func() error { return nil })
}

func (m *mortal) Delete(ctx context.Context, p string) error {
	return m.change(func() error { return m.StorageDriver.Delete(ctx, p) }, func() error {
		children, err := m.StorageDriver.List(ctx, p)
		if err != nil || len(children) == 0 {
			return err
		}
		return m.StorageDriver.Delete(ctx, children[0])
	})
}

// TestWhereverARoundIsKilledTheNextOneRepairs kills the round that removes something at each of its changes.
func TestWhereverARoundIsKilledTheNextOneRepairs(t *testing.T) {
	retention := Config{Retention: []Rule{{Repositories: "sweep/**", TTL: grace, Untagged: grace}}}
	for name, tc := range map[string]struct{ shared, restarted bool }{
		"and it is started again":  {restarted: true},
		"and its process lives on": {},
		"and another goes on":      {shared: true, restarted: true},
	} {
		lasts := []string{"part"}
		if tc.restarted && !tc.shared {
			lasts = []string{"none", "all", "part"}
		}
		for _, last := range lasts {
			t.Run(name+", with its last change done: "+last, func(t *testing.T) {
				const many = 1000
				n := 1
				for n < many && !killedAt(t, Options{Shared: tc.shared, Config: retention}, n, last, tc.restarted) {
					n++
				}
				assert.Assert(t, n > 15 && n < many, "killed at %d changes", n)
			})
		}
	}
}

// killedAt does a round that is killed at its nth change, and checks that the next one repairs. It tells whether the round ended before.
func killedAt(t *testing.T, opts Options, n int, last string, restarted bool) (ended bool) {
	t.Helper()
	driver := &mortal{StorageDriver: inmemory.New(), left: -1, last: last}
	app := newApp(t, driver)
	synctest.Test(t, func(t *testing.T) {
		w := &world{driver: &faulty{StorageDriver: driver}, app: app}
		w.restart(opts)
		fill(t, w)
		age()
		w.collect(t)
		age()

		driver.left = n
		_, err := w.collector.Collect(t.Context())
		ended = err == nil
		if !ended {
			assert.ErrorIs(t, err, errKilled)
		}
		ended = driver.left != 0 // where a change may fail, one that was killed may end well
		driver.left = -1
		if restarted {
			w.restart(opts)
		}
		for n, thing := range w.look(t).things {
			assert.Assert(t, n.kind != blobKind || len(thing.links) == 0 || thing.data != "", "%v has links, but is gone", n)
		}
		if old := digest.FromBytes(oldIndex()).String(); w.status(http.MethodHead, manifestURL("sweep/a", old)) == http.StatusOK {
			w.pulls(t, "sweep/a", old) // as long as it is there, it is whole
		}
		assert.NilError(t, w.collector.Finish(t.Context()))
		// Nobody waits any more, and everything can be pushed again.
		w.push(t, "again", "v1", "old", "lost", "layer")
		w.push(t, "sweep/again", "v1", "old")
		live(t, w)
		w.pulls(t, "again", "v1")
		w.pulls(t, "sweep/again", "v1")

		for range 4 {
			age()
			w.collect(t)
		}
		live(t, w)
		w.pulls(t, "again", "v1")
		for _, gone := range []string{layout.Tag("sweep/a", "old"), data("only old"), layout.Layer("step", digest.FromString("unlisted")), condemnedRecord} {
			assert.Assert(t, !w.there(t, gone), gone)
		}
		s := w.look(t)
		assert.Equal(t, len(dead(s, w.collector.opts.Config)), 0)
	})
	return ended
}

// look looks, now.
func (w *world) look(t *testing.T) *snapshot {
	t.Helper()
	s, err := w.collector.looker.look(t.Context(), time.Now())
	assert.NilError(t, err)
	return s
}

// fill makes things that stay and things that go.
func fill(t *testing.T, w *world) {
	t.Helper()
	w.push(t, "step", "v1", "layer", "shared")
	child := w.push(t, "step", "v2", "of a child")
	assert.Equal(t, w.put("step", "all", index(child)), http.StatusCreated)
	w.push(t, "sweep/a", "old", "old", "only old", "shared")
	w.push(t, "sweep/a", "older", "old", "only old", "shared")
	w.push(t, "sweep/a", "index", "layer")
	assert.Equal(t, w.put("sweep/a", "index", oldIndex()), http.StatusCreated)
	for _, text := range []string{"lost", "unlisted"} {
		assert.Equal(t, w.upload("step", digest.FromString(text), []byte(text)), http.StatusCreated)
		assert.Equal(t, w.upload("step", digest.SHA512.FromString(text), []byte(text)), http.StatusCreated)
	}
}

// oldIndex goes with what it lists, whose digest is less than its own.
func oldIndex() []byte { return index(digest.FromBytes(manifest("", "layer"))) }

// live checks that what stays is there.
func live(t *testing.T, w *world) {
	t.Helper()
	w.pulls(t, "step", "v1")
	w.pulls(t, "step", "v2")
	w.pulls(t, "step", "all")
}
