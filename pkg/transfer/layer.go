package transfer

import (
	"bytes"
	"context"
	"errors"
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
	if desc, done, err := p.reuse(ctx, layer); done || err != nil {
		return desc, err
	}
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

// large opens the one large file of a layer and sends it. It is read while it is sent, so it has to be the same before and
// after; if it is not, all is done once more.
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

// raw sends a file as it is. Its digest comes first where that is likely to spare the sending, at the price of reading the
// file twice if it does not.
func (p *pusher) raw(ctx context.Context, layer artifact.Layer, f File, t *tally) (ocispec.Descriptor, error) {
	i := layer.Entries[0]
	size := p.layout.Entries[i].Size
	desc := ocispec.Descriptor{
		MediaType:   artifact.MediaTypeRaw,
		Size:        size,
		Annotations: map[string]string{ocispec.AnnotationTitle: layer.Title},
	}
	var err error
	switch {
	case size <= artifact.PackSize:
		desc.Digest, err = p.rawInMemory(ctx, desc, f)
	case p.sizes[size]:
		desc.Digest, err = p.rawKnown(ctx, desc, f, t)
	default:
		desc.Digest, err = p.parts(ctx, mount{}, newFileFeed(f, size, "", t))
		if errors.Is(err, errNoParts) {
			desc.Digest, err = p.rawKnown(ctx, desc, f, t)
		}
	}
	p.places[i] = artifact.Placement{Digest: desc.Digest}
	return desc, err
}

// rawInMemory sends a file that is small enough to be held in memory.
func (p *pusher) rawInMemory(ctx context.Context, desc ocispec.Descriptor, f File) (digest.Digest, error) {
	buffer := p.packs.get()
	defer p.packs.put(buffer)
	if _, err := io.Copy(buffer, p.counters.hashed(io.NewSectionReader(f, 0, desc.Size))); err != nil {
		return "", onTree(err)
	}
	if int64(buffer.Len()) != desc.Size {
		return "", onTree(ErrChanged)
	}
	content := small(buffer.Bytes())
	desc.Digest = content.sum
	return desc.Digest, p.blob(ctx, desc, content)
}

// rawKnown hashes a file, and then sends it if the registry lacks it.
func (p *pusher) rawKnown(ctx context.Context, desc ocispec.Descriptor, f File, t *tally) (digest.Digest, error) {
	sum := digest.Canonical.Digester()
	if _, err := io.Copy(sum.Hash(), p.counters.hashed(interruptible{ctx, io.NewSectionReader(f, 0, desc.Size)})); err != nil {
		return "", onTree(err)
	}
	desc.Digest = sum.Digest()
	return desc.Digest, p.blob(ctx, desc, newFileFeed(f, desc.Size, desc.Digest, t))
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

// buffers are what files and packs are put into, used again and again.
type buffers struct {
	free chan *bytes.Buffer
	size int // that each has from the start, in bytes
}

func newBuffers(n, size int) buffers { return buffers{make(chan *bytes.Buffer, n), size} }

func (b buffers) get() *bytes.Buffer {
	select {
	case buffer := <-b.free:
		buffer.Reset()
		return buffer
	default:
		return bytes.NewBuffer(make([]byte, 0, b.size))
	}
}

func (b buffers) put(buffer *bytes.Buffer) {
	select {
	case b.free <- buffer:
	default:
	}
}

// drop lets go of those that are free.
func (b buffers) drop() {
	for {
		select {
		case <-b.free:
		default:
			return
		}
	}
}
