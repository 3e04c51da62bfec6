package transfer

import (
	"context"
	"errors"
	"io"

	"github.com/opencontainers/go-digest"
	ocispec "github.com/opencontainers/image-spec/specs-go/v1"

	"github.com/converged-computing/oras-operator/pkg/artifact"
	"github.com/converged-computing/oras-operator/pkg/tree"
)

// smallPack makes a pack in memory and sends it.
func (p *pusher) smallPack(ctx context.Context, layer artifact.Layer) (ocispec.Descriptor, error) {
	packed, read := p.packs.get(), p.files.get()
	defer p.packs.put(packed)
	defer p.files.put(read)
	files := smallFiles{pusher: p, ctx: ctx, todo: layer.Entries, buffer: read}
	defer files.close()
	if err := p.writePack(packed, layer, files.read); err != nil {
		return ocispec.Descriptor{}, err
	}
	content := small(packed.Bytes())
	desc := packDescriptor(layer, content.sum, int64(packed.Len()))
	if err := p.blob(ctx, desc, content); err != nil {
		return ocispec.Descriptor{}, err
	}
	p.counters.done(p.layout.Size(layer), files.count)
	return desc, nil
}

func packDescriptor(layer artifact.Layer, d digest.Digest, size int64) ocispec.Descriptor {
	return ocispec.Descriptor{
		MediaType: artifact.MediaTypePack,
		Digest:    d,
		Size:      size,
		Annotations: map[string]string{
			ocispec.AnnotationTitle:   layer.Title,
			artifact.AnnotationUnpack: "true",
		},
	}
}

// writePack writes a compressed pack and notes where its files are. The content of an entry is asked for before its header
// is written, so it may still correct the entry.
func (p *pusher) writePack(w io.Writer, layer artifact.Layer, content func(int) (io.Reader, error)) error {
	pack := artifact.NewPackWriter(w, p.opts.Compression)
	for _, i := range layer.Parents {
		if _, err := pack.Add(p.layout.Entries[i], nil); err != nil {
			return err
		}
	}
	for _, i := range layer.Entries {
		var from io.Reader
		var err error
		if p.layout.Entries[i].Type == tree.File {
			if from, err = content(i); err != nil {
				return err
			}
		}
		place, err := pack.Add(p.layout.Entries[i], from)
		if err != nil {
			return err
		}
		p.places[i] = place
	}
	return pack.Close()
}

// largePack sends a pack that is too large for memory: it is made while it is sent, and once more only for a registry that
// wants to know its digest before.
func (p *pusher) largePack(ctx context.Context, layer artifact.Layer, f File, t *tally) (ocispec.Descriptor, error) {
	size := p.layout.Entries[p.largeFile(layer)].Size
	write := func(w io.Writer) error {
		t.to(0)
		return onTree(p.writePack(w, layer, func(int) (io.Reader, error) {
			return t.read(interruptible{ctx, io.NewSectionReader(f, 0, size)}), nil
		}))
	}
	count := &counted{}
	content := newGenerated(func(w io.Writer) error { count.n = 0; return write(io.MultiWriter(w, count)) })
	d, err := p.parts(ctx, mount{}, content)
	if err == nil {
		return packDescriptor(layer, d, count.n), nil
	}
	if !errors.Is(err, errNoParts) {
		return ocispec.Descriptor{}, err
	}
	sum := digest.Canonical.Digester()
	count.n = 0
	if err := write(io.MultiWriter(sum.Hash(), count)); err != nil {
		return ocispec.Descriptor{}, err
	}
	desc := packDescriptor(layer, sum.Digest(), count.n)
	return desc, p.blob(ctx, desc, content)
}

// counted counts what is written.
type counted struct{ n int64 }

func (c *counted) Write(b []byte) (int, error) {
	c.n += int64(len(b))
	return len(b), nil
}
