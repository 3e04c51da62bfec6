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
	// Keep lets a file that is there stay, with the metadata of its entry after Commit.
	Keep(e tree.Entry) error
}

// keep lets the files of a layer stay if all of them are there, and reports whether it did. It looks into none unless each
// has the right size.
func (p *puller) keep(ctx context.Context, files []*artifact.Entry, linked map[tree.Path]bool) (bool, error) {
	holder, ok := p.sink.(Holder)
	if !ok || !p.alike(holder, files, linked) {
		return false, nil
	}
	for _, e := range files {
		if same, err := p.same(ctx, holder, e); !same || err != nil {
			return false, err
		}
	}
	for _, e := range files {
		if err := holder.Keep(e.Entry); err != nil {
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

// same reports whether a file that is there has the right content.
func (p *puller) same(ctx context.Context, holder Holder, e *artifact.Entry) (bool, error) {
	f, err := holder.Existing(e.Path)
	if err != nil {
		return false, nil //nolint:nilerr // it is pulled then
	}
	defer f.Close() //nolint:errcheck // nothing was written
	verifier := e.Digest.Verifier()
	_, err = io.Copy(verifier, p.counters.hashed(interruptible{ctx, io.NewSectionReader(f, 0, e.Size)}))
	if ctx.Err() != nil {
		return false, ctx.Err()
	}
	return err == nil && verifier.Verified(), nil
}
