package transfer

import (
	"context"
	"fmt"
	"io"
	"slices"
	"strings"

	ocispec "github.com/opencontainers/image-spec/specs-go/v1"

	"github.com/converged-computing/oras-operator/pkg/artifact"
	"github.com/converged-computing/oras-operator/pkg/tree"
)

// adopt writes an artifact that others made. Layers are gone through from the last to the first, and a path is taken from
// the first that has it: so a later layer wins, and nothing is ever written twice.
func (p *puller) adopt(ctx context.Context, m ocispec.Manifest) error {
	a := adopter{
		filler: filler{puller: p, ctx: ctx},
		sifter: newSifter(),
		budget: artifact.NewBudget(p.limit()),
		names:  map[tree.Path]owner{},
		gone:   map[tree.Path]int{},
		opaque: map[tree.Path]int{},
	}
	if p.opts.DryRun {
		return p.plannedForeign(m.Layers)
	}
	p.counters.expect(total(m.Layers), 0)
	for i, desc := range slices.Backward(m.Layers) {
		if p.enough != nil && p.enough() {
			return nil
		}
		a.layer = i
		if err := a.take(desc); err != nil {
			return fmt.Errorf("layer %d: %w", i, err)
		}
	}
	if err := a.finishSelection(); err != nil {
		return err
	}
	return p.make(ctx, a.links)
}

func total(layers []ocispec.Descriptor) int64 {
	var sum int64
	for _, layer := range layers {
		sum += layer.Size
	}
	return sum
}

// adopter collects the layers of a foreign artifact into one tree.
type adopter struct {
	filler
	sifter
	budget *artifact.Budget
	layer  int // the one being taken
	names  map[tree.Path]owner
	// What an image layer deletes of the layers before it: names with all below, and what is in a directory.
	gone, opaque map[tree.Path]int
	links        []tree.Entry // symlinks, made last
}

// owner says what a name is, and from which layer.
type owner struct {
	kind     tree.Type
	layer    int
	implicit bool // a directory that no archive has named so far
}

// take writes one layer.
func (a *adopter) take(desc ocispec.Descriptor) error {
	r := recognize(desc, a.opts.KeepArchives)
	var err error
	switch r.form {
	case formNone:
		return nil
	case formSkip:
		a.result.Warnings = append(a.result.Warnings,
			fmt.Sprintf("layer %s of media type %q has no title and is left out", desc.Digest, desc.MediaType))
		return nil
	case formFile:
		err = a.takeFile(desc, r.title)
	default:
		err = a.takeArchive(desc, r)
	}
	if err == nil {
		err = a.flush()
	}
	if err == nil {
		err = a.takePromoted(desc, r)
	}
	return err
}

func (a *adopter) takeFile(desc ocispec.Descriptor, title string) error {
	p, err := artifact.CleanName(title)
	if err != nil {
		return err
	}
	if p == "." {
		return fmt.Errorf("%w: a file is titled %q", artifact.ErrUnsafe, title)
	}
	e := tree.Entry{Path: p, Type: tree.File, Mode: 0o644, Size: desc.Size}
	if ok, err := a.admit(e); !ok {
		return err
	}
	if ok, err := a.sift(&e); !ok {
		a.counters.expect(-desc.Size, 0)
		return err
	}
	if a.budget.Bytes -= desc.Size; a.budget.Bytes < 0 {
		return fmt.Errorf("%q: %w", title, artifact.ErrTooLarge)
	}
	a.count(e)
	return a.blob(e, desc)
}

func (a *adopter) takeArchive(desc ocispec.Descriptor, r recognized) error {
	blob := a.fetch(a.ctx, desc)
	defer blob.Close() //nolint:errcheck // read to its end
	return blob.verdict(artifact.Unpack(blob, a.budget, func(e tree.Entry, content io.Reader) error {
		e, err := r.place(e)
		if err != nil || e.Path == "." {
			return err
		}
		if r.form == formImage {
			if white, err := a.whiteout(e.Path); white || err != nil {
				return err
			}
		}
		return a.entry(e, content)
	}))
}

// entry writes one entry of an archive, if no later layer has its name.
func (a *adopter) entry(e tree.Entry, content io.Reader) error {
	if e.Type == "" && !a.selects(e.Path) {
		return nil
	}
	if e.Type == "" {
		a.result.Warnings = append(a.result.Warnings, fmt.Sprintf("%q is a device or the like and is left out", string(e.Path)))
		return nil
	}
	if ok, err := a.admit(e); !ok {
		return err
	}
	if ok, err := a.sift(&e); !ok {
		return err
	}
	switch e.Type {
	case tree.File:
		a.count(e)
		return a.add(e, content, "")
	case tree.Symlink:
		a.links = append(a.links, e)
		return nil
	case tree.Hardlink:
		if err := a.checkLink(e); err != nil {
			return err
		}
		if err := a.flush(); err != nil {
			return err
		}
	}
	return a.make(a.ctx, []tree.Entry{e})
}

// admit reports whether a name is to be written, and notes it and its parents. False without an error: a later layer has
// it, or hides it.
func (a *adopter) admit(e tree.Entry) (bool, error) {
	if a.hidden(e.Path) {
		return false, nil
	}
	for dir := e.Path.Dir(); dir != "."; dir = dir.Dir() {
		o, taken := a.names[dir]
		switch {
		case !taken || o.kind == tree.Dir:
		case o.layer > a.layer:
			return false, nil
		default:
			return false, fmt.Errorf("%w: it lies in %q, which is no directory", artifact.ErrUnsafe, string(dir))
		}
	}
	o, taken := a.names[e.Path]
	switch {
	case !taken || o.implicit && e.Type == tree.Dir:
	case o.layer > a.layer:
		return false, nil
	case o.kind == tree.Dir && e.Type == tree.Dir:
		return true, nil
	default:
		return false, fmt.Errorf("%w: it comes twice", artifact.ErrUnsafe)
	}
	a.note(e)
	return true, nil
}

// hidden reports whether a later layer deletes a name.
func (a *adopter) hidden(p tree.Path) bool {
	if a.gone[p] > a.layer {
		return true
	}
	for dir := p.Dir(); ; dir = dir.Dir() {
		if a.gone[dir] > a.layer || a.opaque[dir] > a.layer {
			return true
		}
		if dir == "." {
			return false
		}
	}
}

func (a *adopter) note(e tree.Entry) {
	a.names[e.Path] = owner{kind: e.Type, layer: a.layer}
	for dir := e.Path.Dir(); dir != "."; dir = dir.Dir() {
		if _, taken := a.names[dir]; taken {
			return
		}
		a.names[dir] = owner{kind: tree.Dir, layer: a.layer, implicit: true}
	}
}

// Names of whiteouts, from the OCI image specification 1.1, layer.md.
const (
	whiteoutPrefix = ".wh."
	whiteoutOpaque = ".wh..wh..opq"
)

// whiteout notes that an image layer deletes a name of the layers before it.
func (a *adopter) whiteout(p tree.Path) (bool, error) {
	base := p.Base()
	switch {
	case base == whiteoutOpaque:
		a.opaque[p.Dir()] = max(a.opaque[p.Dir()], a.layer)
	case strings.HasPrefix(base, whiteoutPrefix):
		gone, err := artifact.CleanName(string(p.Dir().Join(strings.TrimPrefix(base, whiteoutPrefix))))
		if err != nil {
			return true, err
		}
		a.gone[gone] = max(a.gone[gone], a.layer)
	default:
		return false, nil
	}
	return true, nil
}
