package transfer

import (
	"fmt"
	"io"
	"slices"

	ocispec "github.com/opencontainers/image-spec/specs-go/v1"

	"github.com/converged-computing/oras-operator/pkg/artifact"
	"github.com/converged-computing/oras-operator/pkg/tree"
)

// sifter takes what is selected out of archives that nothing lists beforehand.
type sifter struct {
	some  bool               // something was selected
	dirs  []tree.Entry       // directories that are not selected, for those that something selected lies in
	above map[tree.Path]bool // where something selected lies in

	// Of the layer that is being taken.
	origin  map[tree.Path]tree.Path // of hard links: the file that they are
	promote map[tree.Path]tree.Path // files that are not selected, and the selected link that stands for each
	late    []tree.Entry            // further links to those
}

func newSifter() sifter {
	s := sifter{above: map[tree.Path]bool{}}
	s.nextLayer()
	return s
}

func (s *sifter) nextLayer() {
	s.origin, s.promote, s.late = map[tree.Path]tree.Path{}, map[tree.Path]tree.Path{}, nil
}

// sift reports whether an admitted entry is to be written now. It may change what a hard link links to.
func (a *adopter) sift(e *tree.Entry) (bool, error) {
	if a.opts.Select == nil {
		return true, nil
	}
	if e.Type == tree.Hardlink {
		if err := a.checkLink(*e); err != nil {
			return false, err
		}
		if file, ok := a.origin[e.Link]; ok {
			e.Link = file
		}
		a.origin[e.Path] = e.Link
	}
	if !a.selects(e.Path) {
		if e.Type == tree.Dir {
			a.dirs = append(a.dirs, *e)
		}
		return false, nil
	}
	a.some = true
	for dir := e.Path.Dir(); dir != "."; dir = dir.Dir() {
		a.above[dir] = true
	}
	if e.Type != tree.Hardlink || a.selects(e.Link) {
		return true, nil
	}
	if file, ok := a.promote[e.Link]; ok {
		a.late = append(a.late, tree.Entry{Path: e.Path, Type: tree.Hardlink, Link: file})
	} else {
		a.promote[e.Link] = e.Path
	}
	return false, nil
}

// checkLink refuses a hard link to what its own layer does not hold.
func (a *adopter) checkLink(e tree.Entry) error {
	if old := a.names[e.Link]; old.kind != tree.File && old.kind != tree.Hardlink || old.layer != a.layer {
		return fmt.Errorf("%w: hard link to %q, which this layer has not written", artifact.ErrUnsafe, string(e.Link))
	}
	return nil
}

// takePromoted goes through the archive once more for files that selected links stand for: they came before the links.
func (a *adopter) takePromoted(desc ocispec.Descriptor, r recognized) error {
	defer a.nextLayer()
	if len(a.promote) == 0 {
		return nil
	}
	blob := a.fetch(a.ctx, desc)
	defer blob.Close() //nolint:errcheck // read to its end
	err := artifact.Unpack(blob, artifact.NewBudget(a.limit()), func(e tree.Entry, content io.Reader) error {
		e, err := r.place(e)
		if err != nil || e.Type != tree.File || a.promote[e.Path] == "" {
			return err
		}
		e.Path = a.promote[e.Path]
		a.count(e)
		return a.add(e, content, "")
	})
	if err != nil {
		return blob.verdict(err)
	}
	if err := a.flush(); err != nil {
		return err
	}
	return a.make(a.ctx, a.late)
}

// finishSelection makes the directories that lead to what was selected.
func (a *adopter) finishSelection() error {
	if a.opts.Select == nil {
		return nil
	}
	if !a.some {
		return ErrNoMatch
	}
	return a.make(a.ctx, slices.DeleteFunc(a.dirs, func(e tree.Entry) bool { return !a.above[e.Path] }))
}
