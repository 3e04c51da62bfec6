package transfer

import (
	"context"
	"io"

	"github.com/converged-computing/oras-operator/pkg/tree"
)

// Sink is where a tree is pulled to. Nothing is visible before Commit. Entries carry the mode and time that their names
// are to have after Commit (a zero time is unknown). Make and Create may be called by several goroutines at once.
type Sink interface {
	// Make makes directories, symlinks and hard links, in order; parents that are missing are made too, a directory that
	// this sink has made is no error. A hard link names a file that was created before. The batches may be large.
	Make(ctx context.Context, entries []tree.Entry) error
	// Create creates regular files and opens them for writing, in order, at most [OpenBatch] at once. The caller closes
	// each. With an error there are no files. An [os.File], or what has its methods, gets holes where there are blocks of
	// zeros, and may hold what a pull that was killed has written of it.
	Create(ctx context.Context, entries []tree.Entry) ([]io.WriteCloser, error)
	// Commit makes everything visible.
	Commit(ctx context.Context) error
	// Abort removes everything. After Commit it does nothing. The context may be done already.
	Abort(ctx context.Context) error
}

// IntoDirectory is a sink in a directory, which is made if it is absent. See tree.Writer.
func IntoDirectory(path string, opts tree.WriterOptions) (Sink, error) {
	w, err := tree.NewWriter(path, opts)
	if err != nil {
		return nil, err
	}
	return Into(w), nil
}

// Into is a sink that writes with w. Commit and Abort are those of w.
func Into(w *tree.Writer) Sink { return writer{w} }

type writer struct{ *tree.Writer }

var _ Holder = writer{}

func (w writer) Make(_ context.Context, entries []tree.Entry) error {
	for _, e := range entries {
		if err := w.Writer.Make(e); err != nil {
			return err
		}
	}
	return nil
}

func (w writer) Create(_ context.Context, entries []tree.Entry) ([]io.WriteCloser, error) {
	return collect(entries, func(e tree.Entry) (io.WriteCloser, error) { return w.CreateEntry(e) })
}

func (w writer) Existing(p tree.Path) (File, error) { return w.Writer.Existing(p) }

func (w writer) Commit(context.Context) error { return w.Writer.Commit() }

func (w writer) Abort(context.Context) error { return w.Writer.Abort() }
