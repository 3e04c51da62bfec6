package transfer

import (
	"context"
	"io"

	"github.com/converged-computing/oras-operator/pkg/artifact"
	"github.com/converged-computing/oras-operator/pkg/tree"
)

// Holder is a [Sink] into a place that may hold some of the files already. Pulling them again is then only a check. Its
// methods may be called by several goroutines at once.
type Holder interface {
	Sink
	// Existing opens a file that is there. Any error means that it is to be pulled.
	Existing(p tree.Path) (File, error)
	// Keep lets a file that is there stay, with the metadata of its entry after Commit, if it is as tree.Stat has told then.
	Keep(e, now tree.Entry) error
}

// keep lets the files of a layer stay if all of them are there, and reports whether it did. It looks into none unless each
// has the right size.
func (p *puller) keep(ctx context.Context, files []*artifact.Entry, linked map[tree.Path]bool) (bool, error) {
	holder, ok := p.sink.(Holder)
	if !ok || !p.alike(holder, files, linked) {
		return false, nil
	}
	states := make([]tree.Entry, len(files))
	for i, e := range files {
		var err error
		if states[i], err = p.same(ctx, holder, e); err != nil {
			return false, err
		}
		if states[i].Type == "" {
			return false, nil
		}
	}
	for i, e := range files {
		if err := holder.Keep(e.Entry, states[i]); err != nil {
			return false, onTree(err)
		}
		p.counters.done(e.Size, 1)
	}
	return true, nil
}

// alike reports whether there are files of the right sizes, which nothing will be linked to.
func (p *puller) alike(holder Holder, files []*artifact.Entry, linked map[tree.Path]bool) bool {
	for _, e := range files {
		if linked[e.Path] {
			return false
		}
		f, err := holder.Existing(e.Path)
		if err != nil {
			return false
		}
		now, err := tree.Stat(f)
		_ = f.Close() // nothing was written
		if err != nil || now.Size != e.Size {
			return false
		}
	}
	return true
}

// same returns the state of a file that is there and has the right content, else none.
func (p *puller) same(ctx context.Context, holder Holder, e *artifact.Entry) (tree.Entry, error) {
	f, err := holder.Existing(e.Path)
	if err != nil {
		return tree.Entry{}, nil //nolint:nilerr // it is pulled then
	}
	defer f.Close() //nolint:errcheck // nothing was written
	before, err := tree.Stat(f)
	if err != nil {
		return tree.Entry{}, nil //nolint:nilerr // likewise
	}
	verifier := e.Digest.Verifier()
	_, err = io.Copy(verifier, p.counters.hashed(interruptible{ctx, io.NewSectionReader(f, 0, e.Size)}))
	if ctx.Err() != nil {
		return tree.Entry{}, ctx.Err()
	}
	after, statErr := tree.Stat(f)
	if err != nil || statErr != nil || !verifier.Verified() || !tree.SameFile(before, after) {
		return tree.Entry{}, nil
	}
	return before, nil
}
