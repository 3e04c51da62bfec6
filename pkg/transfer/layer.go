package transfer

import (
	"context"
	"fmt"
	"io"

	"github.com/opencontainers/go-digest"
	ocispec "github.com/opencontainers/image-spec/specs-go/v1"

	"github.com/converged-computing/oras-operator/pkg/artifact"
	"github.com/converged-computing/oras-operator/pkg/tree"
)

// reads is how often a file that changes meanwhile is read.
const reads = 2

// layer makes a layer, sees that the registry has it, and describes it.
func (p *pusher) layer(ctx context.Context, layer artifact.Layer) (ocispec.Descriptor, error) {
	switch {
	case !layer.Pack:
		return p.large(ctx, layer, p.raw)
	case p.layout.Size(layer) > artifact.PackSize:
		return p.large(ctx, layer, p.largePack)
	}
	return p.smallPack(ctx, layer)
}

// sendFile sends the open file that a layer consists of.
type sendFile func(ctx context.Context, layer artifact.Layer, f File, t *tally) (ocispec.Descriptor, error)

// large opens the one large file of a layer and sends it. It is read from the file each time, so it has to be the same
// before and after; if it is not, all is done once more.
func (p *pusher) large(ctx context.Context, layer artifact.Layer, send sendFile) (ocispec.Descriptor, error) {
	i := p.largeFile(layer)
	e := &p.layout.Entries[i]
	files, err := p.open(ctx, []tree.Path{e.Path})
	if err != nil {
		return ocispec.Descriptor{}, err
	}
	defer closeAll(files)
	sent := &tally{counters: p.counters}
	for range reads {
		before, err := tree.Stat(files[0])
		if err != nil {
			return ocispec.Descriptor{}, onTree(err)
		}
		update(e, before)
		desc, err := send(ctx, layer, files[0], sent)
		after, statErr := tree.Stat(files[0])
		switch {
		case statErr != nil:
			return ocispec.Descriptor{}, onTree(statErr)
		case !tree.SameFile(before, after):
			continue
		case err == nil:
			sent.finish(e.Size)
		}
		return desc, err
	}
	return ocispec.Descriptor{}, onTree(fmt.Errorf("%s: %w", e.Path, ErrChanged))
}

// largeFile returns the only entry of a large layer that has content.
func (p *pusher) largeFile(layer artifact.Layer) int {
	for _, i := range layer.Entries {
		if p.layout.Entries[i].Type == tree.File {
			return i
		}
	}
	return layer.Entries[0]
}

// update takes over what a descriptor says about a file that was listed earlier.
func update(e *tree.Entry, now tree.Entry) {
	e.Size, e.Mode, e.ModTime = now.Size, now.Mode, now.ModTime
}

// raw sends a file as it is: it is hashed, then read again if the registry lacks it.
func (p *pusher) raw(ctx context.Context, layer artifact.Layer, f File, t *tally) (ocispec.Descriptor, error) {
	i := layer.Entries[0]
	size := p.layout.Entries[i].Size
	sum := digest.Canonical.Digester()
	if _, err := io.Copy(sum.Hash(), p.counters.hashed(interruptible{ctx, io.NewSectionReader(f, 0, size)})); err != nil {
		return ocispec.Descriptor{}, onTree(err)
	}
	desc := ocispec.Descriptor{
		MediaType:   artifact.MediaTypeRaw,
		Digest:      sum.Digest(),
		Size:        size,
		Annotations: map[string]string{ocispec.AnnotationTitle: layer.Title},
	}
	p.places[i] = artifact.Placement{Digest: desc.Digest}
	return desc, p.blob(ctx, desc, func() io.ReadCloser {
		return io.NopCloser(t.read(io.NewSectionReader(f, 0, size)))
	})
}

// interruptible stops reading when its context is done.
type interruptible struct {
	ctx context.Context
	r   io.Reader
}

func (i interruptible) Read(b []byte) (int, error) {
	if err := i.ctx.Err(); err != nil {
		return 0, err
	}
	return i.r.Read(b)
}
