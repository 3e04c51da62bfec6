package transfer

import (
	"bytes"
	"context"
	"fmt"
	"iter"

	ocispec "github.com/opencontainers/image-spec/specs-go/v1"
	"golang.org/x/sync/errgroup"
	"oras.land/oras-go/v2/registry/remote"

	"github.com/converged-computing/oras-operator/pkg/artifact"
	"github.com/converged-computing/oras-operator/pkg/tree"
)

// DefaultConcurrency is the number of layers that are moved at once unless options say otherwise.
const DefaultConcurrency = 4

// PushOptions are the choices of [Push]. The zero value is right for most.
type PushOptions struct {
	Lineage     artifact.Lineage
	Compression artifact.Compression // default artifact.Auto
	Concurrency int                  // layers in flight, each with up to 16 MiB in memory; default [DefaultConcurrency]
	RefuseEmpty bool                 // a tree with nothing in it is [ErrEmpty]
	Bases       []*Base              // what the tree was made from, of the same registry and observed
	DryRun      bool                 // only say what would be sent, in Result.Planned; the registry is not asked
	Retry       Retry
	Counters    *Counters
}

// Push makes an artifact of a tree and gives it a tag. The tag moves last, in one request, when everything that the
// artifact consists of is in the registry. What the registry has already is not sent again.
//
// Beside what registries answer it fails with [ErrChanged], [ErrEmpty], artifact.ErrInvalidTree and whatever the source
// returns. A context with a deadline bounds the retries.
func Push(ctx context.Context, repo *remote.Repository, tag string, src Source, opts PushOptions) (Result, error) {
	p := newPusher(repo, tag, src, opts)
	err := validTag(tag)
	if err == nil {
		err = p.push(ctx, tag)
	}
	p.result.Uploaded = p.uploaded.Load()
	return p.result, wrap(OpPush, p.result.Reference, p.trouble.explain(err))
}

// packBuffer is what a pack takes at most, in bytes: stored blocks of gzip add five bytes to each 65,535.
const packBuffer = artifact.PackSize + artifact.PackSize>>12

func newPusher(repo *remote.Repository, tag string, src Source, opts PushOptions) *pusher {
	n := concurrency(opts.Concurrency)
	return &pusher{
		uploader: uploader{retrier: newRetrier(opts.Retry, opts.Counters), repo: repo},
		src:      src,
		opts:     opts,
		result:   Result{Reference: name(repo, tag)},
		packs:    newBuffers(n, packBuffer),
		files:    newBuffers(n, 0),
		last:     func(context.Context) error { return nil },
	}
}

type pusher struct {
	uploader
	src    Source
	opts   PushOptions
	result Result
	packs  buffers
	files  buffers // for the content of one small file each

	last  func(context.Context) error // right before the tag moves
	trust bool                        // that the repository has what a base in it names

	known  known          // what is known of the tree before it is read
	sizes  map[int64]bool // of files that the registry has and that may be the same
	layout artifact.Layout
	places []artifact.Placement // of the entries of the layout
	layers []ocispec.Descriptor // of the layers of the layout
}

func (p *pusher) push(ctx context.Context, tag string) error {
	if err := p.plan(ctx); err != nil {
		return err
	}
	p.known = newKnown(p.opts.Bases)
	if p.opts.DryRun {
		p.result.Planned = p.planned()
		return nil
	}
	if err := p.neighbours(ctx, tag); err != nil {
		return err
	}
	return unlessCollected(func() error {
		err := p.upload(ctx)
		p.packs.drop() // the index takes their place in memory
		p.files.drop()
		if err == nil {
			err = p.finish(ctx, tag)
		}
		return err
	}, func() {
		p.trust = false
		p.counters.done(-p.result.Bytes, -p.result.Files)
	})
}

// neighbours learns the sizes of what the tag has now. A file of such a size is likely to be there already.
func (p *pusher) neighbours(ctx context.Context, tag string) error {
	p.sizes = map[int64]bool{}
	f, err := p.manifest(ctx, p.repo, tag, nil)
	switch {
	case Final(err):
		return nil // there is none, or nothing that could tell
	case err != nil:
		return err
	}
	for _, layer := range f.manifest.Layers {
		p.sizes[layer.Size] = true
	}
	return nil
}

// plan lists the tree and decides about its layers.
func (p *pusher) plan(ctx context.Context) error {
	listing, err := p.src.List(ctx)
	if err != nil {
		return onTree(err)
	}
	if p.layout, err = artifact.NewLayout(listing, p.opts.Compression); err != nil {
		return onTree(err)
	}
	if p.opts.RefuseEmpty && len(p.layout.Entries) == 0 {
		return onTree(ErrEmpty)
	}
	for _, e := range p.layout.Entries {
		if e.Type == tree.File {
			p.result.Files++
			p.result.Bytes += e.Size
		}
	}
	p.warn(leftOut, listing.Skipped)
	p.warn("can be restored by this client only, not by other clients", p.layout.Unseen)
	p.counters.expect(p.result.Bytes, p.result.Files)
	p.places = make([]artifact.Placement, len(p.layout.Entries))
	p.layers = make([]ocispec.Descriptor, len(p.layout.Layers))
	return nil
}

const leftOut = "is a device, FIFO, socket or unfinished pull and is left out"

// warn adds a warning for each of the first few paths, and one for the rest.
func (p *pusher) warn(what string, paths []tree.Path) {
	p.result.Warnings = append(p.result.Warnings, warnings(what, paths)...)
}

func warnings(what string, paths []tree.Path) []string {
	const most = 10
	var lines []string
	for i, path := range paths {
		if i == most {
			return append(lines, fmt.Sprintf("%d more: each %s", len(paths)-most, what))
		}
		lines = append(lines, fmt.Sprintf("%q %s", string(path), what))
	}
	return lines
}

// upload sees that the registry has all layers.
func (p *pusher) upload(ctx context.Context) error {
	group, ctx := errgroup.WithContext(ctx)
	group.SetLimit(concurrency(p.opts.Concurrency))
	for i, layer := range p.layout.Layers {
		group.Go(func() error {
			desc, err := p.layer(ctx, layer)
			p.layers[i] = desc
			return err
		})
	}
	return group.Wait()
}

func concurrency(n int) int {
	if n <= 0 {
		return DefaultConcurrency
	}
	return n
}

// finish sends what names the layers: index, manifest and, with it, the tag.
func (p *pusher) finish(ctx context.Context, tag string) error {
	manifest, others, err := artifact.NewManifest(p.layers, p.index(), p.opts.Lineage)
	if err != nil {
		return err
	}
	for _, blob := range others {
		if err := p.blob(ctx, blob.Descriptor, small(blob.Content)); err != nil {
			return err
		}
	}
	if err := p.last(ctx); err != nil {
		return err
	}
	p.result.Descriptor = manifest.Descriptor
	return p.do(ctx, "putting the manifest", func(ctx context.Context) error {
		return p.repo.PushReference(ctx, manifest.Descriptor, bytes.NewReader(manifest.Content), tag)
	})
}

// index joins what was planned with what was found while the layers were made.
func (p *pusher) index() iter.Seq[artifact.Entry] {
	holder := p.layout.LayerOf()
	return func(yield func(artifact.Entry) bool) {
		for i, e := range p.layout.Entries {
			if !yield(artifact.Entry{Entry: e, Digest: p.places[i].Digest, Layer: holder[i], Offset: p.places[i].Offset}) {
				return
			}
		}
	}
}
