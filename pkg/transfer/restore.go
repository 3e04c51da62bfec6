package transfer

import (
	"context"
	"fmt"
	"io"

	ocispec "github.com/opencontainers/image-spec/specs-go/v1"
	"golang.org/x/sync/errgroup"

	"github.com/converged-computing/oras-operator/pkg/artifact"
	"github.com/converged-computing/oras-operator/pkg/tree"
)

// restore writes an artifact of this project, as its index says.
func (p *puller) restore(ctx context.Context, m ocispec.Manifest) error {
	x, err := p.index(ctx, p.repo, m)
	if err != nil {
		return err
	}
	layers := contentLayers(m)
	parts, others := divide(x, len(layers))
	if err := p.narrow(x, parts, others); err != nil {
		return err
	}
	for _, e := range x.Entries {
		if e.Type == tree.File && p.selects(e.Path) {
			p.count(e.Entry)
		}
	}
	if p.result.Bytes > p.limit() {
		return fmt.Errorf("%d bytes: %w", p.result.Bytes, artifact.ErrTooLarge)
	}
	if p.opts.DryRun {
		p.result.Planned = p.planned(layers, parts)
		return nil
	}
	p.counters.expect(p.result.Bytes, p.result.Files)
	if p.opts.Select == nil {
		p.result.Base = &Base{repository: p.repo.Reference.Repository, layers: layers, index: x}
	}
	if err := p.make(ctx, others[tree.Dir]); err != nil {
		return err
	}
	if err := p.restoreLayers(ctx, layers, parts, targets(others[tree.Hardlink])); err != nil {
		return err
	}
	if err := p.make(ctx, others[tree.Hardlink]); err != nil {
		return err
	}
	return p.make(ctx, others[tree.Symlink])
}

// divide returns the files of each layer, and everything that is not a file by type.
func divide(x artifact.Index, layers int) (parts [][]*artifact.Entry, others map[tree.Type][]tree.Entry) {
	parts, others = make([][]*artifact.Entry, layers), map[tree.Type][]tree.Entry{}
	for i := range x.Entries {
		e := &x.Entries[i]
		if e.Type == tree.File {
			parts[e.Layer] = append(parts[e.Layer], e)
		} else {
			others[e.Type] = append(others[e.Type], e.Entry)
		}
	}
	return parts, others
}

// targets returns the files that hard links are made to.
func targets(links []tree.Entry) map[tree.Path]bool {
	files := make(map[tree.Path]bool, len(links))
	for _, e := range links {
		files[e.Link] = true
	}
	return files
}

func (p *puller) restoreLayers(
	ctx context.Context, layers []ocispec.Descriptor, parts [][]*artifact.Entry, linked map[tree.Path]bool,
) error {
	p.seen = make([]bool, len(layers))
	if p.result.Base != nil {
		p.result.Base.seen = p.seen
	}
	group, ctx := errgroup.WithContext(ctx)
	group.SetLimit(concurrency(p.opts.Concurrency))
	for i, desc := range layers {
		if len(parts[i]) == 0 {
			continue // directories and links are in the index
		}
		group.Go(func() error {
			kept, err := p.keep(ctx, p.only(parts[i]), linked)
			switch {
			case kept || err != nil:
				return err
			case !isPack(desc):
				return p.restoreRaw(ctx, desc, parts[i])
			}
			p.seen[i] = true
			return p.restorePack(ctx, desc, parts[i])
		})
	}
	return group.Wait()
}

// restoreRaw writes the file that a layer is.
func (p *puller) restoreRaw(ctx context.Context, desc ocispec.Descriptor, files []*artifact.Entry) error {
	e := files[0]
	if len(files) > 1 || e.Offset != 0 || e.Digest != desc.Digest || e.Size != desc.Size {
		return fmt.Errorf("%w: %q is not the layer that it names", artifact.ErrInvalidIndex, string(e.Path))
	}
	f := filler{puller: p, ctx: ctx}
	return f.blob(e.Entry, desc)
}

// restorePack writes the files of a pack.
func (p *puller) restorePack(ctx context.Context, desc ocispec.Descriptor, files []*artifact.Entry) error {
	blob := p.fetch(ctx, desc)
	defer blob.Close() //nolint:errcheck // read to its end
	f := filler{puller: p, ctx: ctx}
	err := unpackKnown(blob, files, func(e *artifact.Entry, content io.Reader) error {
		if !p.selects(e.Path) {
			return nil
		}
		return f.add(e.Entry, content, e.Digest)
	})
	if err != nil {
		return blob.verdict(err)
	}
	return f.flush()
}

// unpackKnown visits the files of a pack, all of which the index knows. What it does not know is refused.
func unpackKnown(blob io.Reader, files []*artifact.Entry, visit func(*artifact.Entry, io.Reader) error) error {
	missing := make(map[tree.Path]*artifact.Entry, len(files))
	budget := artifact.Budget{Entries: tree.MaxEntries}
	for _, e := range files {
		missing[e.Path] = e
		budget.Bytes += e.Size
	}
	err := artifact.Unpack(blob, &budget, func(got tree.Entry, content io.Reader) error {
		if got.Type != tree.File {
			return nil // the index has them
		}
		e, ok := missing[got.Path]
		if !ok || e.Size != got.Size {
			return fmt.Errorf("%w: the index has no such file of %d bytes in this layer", artifact.ErrUnsafe, got.Size)
		}
		delete(missing, got.Path)
		return visit(e, content)
	})
	if err != nil {
		return err
	}
	for path := range missing {
		return fmt.Errorf("%w: %q is not in its layer", artifact.ErrInvalidIndex, string(path))
	}
	return nil
}
