package storage

import (
	"errors"
	"os"
	"sync"
	"weak"
)

var (
	// errTaken is what a writer says whose file another has opened since.
	errTaken = errors.New("another request goes on with this upload")
	// errWhole is what a writer says whose file may be a blob by now.
	errWhole = errors.New("this upload is whole already")
)

// turns says who writes to the file of each unfinished upload: whoever opened it last, until it is committed, and nobody then. A
// client that has lost its connection goes on while the request before may still be here: what is left of that must change
// nothing of what the client is told has arrived, nor of the blob that the file becomes.
type turns struct {
	mu sync.Mutex
	of map[string]*turn // by the name of the file
}

type turn struct {
	writer weak.Pointer[writer] // nil: nobody. The library leaves some unclosed, whose files are closed once nobody has them
	whole  bool
}

func newTurns() *turns { return &turns{of: map[string]*turn{}} }

// take gives w its turn, and tells whether the file is whole. The one before writes no more when it returns; what it was putting on the
// disk is there.
func (t *turns) take(w *writer) (whole bool) {
	now, before := t.pass(w)
	if before != nil {
		before.end(errTaken) //nolint:errcheck // what it has written is there
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	return now.whole
}

func (t *turns) pass(to *writer) (now *turn, before *writer) {
	t.mu.Lock()
	defer t.mu.Unlock()
	now, ok := t.of[to.file.Name()]
	if !ok {
		now = &turn{}
		t.of[to.file.Name()] = now
	}
	before = now.writer.Value()
	now.writer = weak.Make(to)
	return now, before
}

// finish says that the file is whole, if it is the turn of w.
func (t *turns) finish(w *writer) error {
	t.mu.Lock()
	defer t.mu.Unlock()
	now, ok := t.of[w.file.Name()]
	if !ok || now.writer.Value() != w {
		return errTaken
	}
	now.whole = true
	return nil
}

// resume says that the file is not whole after all, whoever's turn it is.
func (t *turns) resume(w *writer) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if now, ok := t.of[w.file.Name()]; ok {
		now.whole = false
	}
}

// leave ends the turn of w, if it is.
func (t *turns) leave(w *writer) {
	t.mu.Lock()
	defer t.mu.Unlock()
	now, ok := t.of[w.file.Name()]
	if !ok || now.writer.Value() != w {
		return
	}
	now.writer = weak.Pointer[writer]{}
	if !now.whole {
		delete(t.of, w.file.Name())
	}
}

// drop forgets a file that is about to go.
func (t *turns) drop(name string) {
	t.mu.Lock()
	defer t.mu.Unlock()
	delete(t.of, name)
}

// isAt tells whether the file still has the name by which it was opened.
func isAt(file *os.File) bool {
	is, err := file.Stat()
	if err != nil {
		return false
	}
	there, err := os.Lstat(file.Name())
	return err == nil && os.SameFile(is, there)
}
