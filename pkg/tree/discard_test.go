package tree_test

import (
	iofs "io/fs"
	"testing"
	"time"

	"gotest.tools/v3/assert"
	"gotest.tools/v3/fs"

	"github.com/converged-computing/oras-operator/pkg/tree"
)

func TestAFileThatIsDiscardedCanBeCreatedOnceMore(t *testing.T) {
	target := t.TempDir()
	w := newWriter(t, target, tree.WriterOptions{})
	put(t, w, "d/f", "lost", 0o600, time.Time{})
	put(t, w, "d/kept", "kept", 0o600, time.Time{})
	assert.NilError(t, w.Discard("d/f"))
	put(t, w, "d/f", "found", 0o600, time.Time{})
	assert.NilError(t, w.Commit())
	assert.Assert(t, fs.Equal(target, fs.Expected(t, fs.MatchAnyFileMode, fs.WithDir("d", fs.MatchAnyFileMode,
		fs.WithFile("f", "found", fs.WithMode(0o600)), fs.WithFile("kept", "kept", fs.WithMode(0o600))))))
}

func TestOnlyFilesOfTheWriterAreDiscarded(t *testing.T) {
	dir := fs.NewDir(t, "target", fs.WithFile("mine", "untouched"))
	w := newWriter(t, dir.Path(), tree.WriterOptions{})
	put(t, w, "f", "1", 0o600, time.Time{})
	assert.NilError(t, w.Link("hard", "f"))
	for _, p := range []tree.Path{"mine", "absent", "hard"} {
		assert.NilError(t, w.Discard(p), p)
	}
	assert.ErrorIs(t, w.Link("hard", "f"), iofs.ErrExist)
	assert.ErrorIs(t, w.Discard("../mine"), tree.ErrInvalidPath)
	assert.NilError(t, w.Commit())
	assert.DeepEqual(t, names(t, dir.Path()), []string{"f", "hard", "mine"})
	assert.ErrorIs(t, w.Discard("f"), tree.ErrClosed)
}
