package transfer

import (
	"bytes"
	"context"
	"errors"
	"io"

	"github.com/opencontainers/go-digest"
	ocispec "github.com/opencontainers/image-spec/specs-go/v1"

	"github.com/converged-computing/oras-operator/pkg/artifact"
	"github.com/converged-computing/oras-operator/pkg/tree"
)

// sampleSize is how much of a large file is looked at to tell whether compressing is worth it, in bytes.
const sampleSize = 64 << 10

// smallPack makes a pack in memory and sends it.
func (p *pusher) smallPack(ctx context.Context, layer artifact.Layer) (ocispec.Descriptor, error) {
	plain, files, err := p.tar(ctx, layer)
	if err != nil {
		return ocispec.Descriptor{}, err
	}
	var packed bytes.Buffer
	zip, err := artifact.NewGzip(&packed, p.opts.Compression.Level(plain))
	if err != nil {
		return ocispec.Descriptor{}, err
	}
	if _, err := zip.Write(plain); err != nil {
		return ocispec.Descriptor{}, err
	}
	if err := zip.Close(); err != nil {
		return ocispec.Descriptor{}, err
	}
	desc := packDescriptor(layer, digest.FromBytes(packed.Bytes()), int64(packed.Len()))
	if err := p.blob(ctx, desc, bytesOf(packed.Bytes())); err != nil {
		return ocispec.Descriptor{}, err
	}
	p.counters.done(p.layout.Size(layer), files)
	return desc, nil
}

// tar makes the archive of a pack and counts its files.
func (p *pusher) tar(ctx context.Context, layer artifact.Layer) ([]byte, int, error) {
	var plain bytes.Buffer
	const overhead = 1 << 10 // of an entry at most: a header, and filling up the last block
	plain.Grow(int(p.layout.Size(layer)) + overhead*(len(layer.Entries)+len(layer.Parents)+1))
	reader := smallFiles{pusher: p, ctx: ctx, todo: layer.Entries}
	defer reader.close()
	if err := p.writeTar(&plain, layer, reader.read); err != nil {
		return nil, 0, err
	}
	return plain.Bytes(), reader.count, nil
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

// writePack writes a compressed pack.
func (p *pusher) writePack(w io.Writer, layer artifact.Layer, level int, content func(int) (io.Reader, error)) error {
	zip, err := artifact.NewGzip(w, level)
	if err != nil {
		return err
	}
	if err := p.writeTar(zip, layer, content); err != nil {
		return err
	}
	return zip.Close()
}

// writeTar writes the archive of a pack and notes where its files are. The content of an entry is asked for before its
// header is written, so it may still correct the entry.
func (p *pusher) writeTar(w io.Writer, layer artifact.Layer, content func(int) (io.Reader, error)) error {
	pack := artifact.NewPackWriter(w)
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
		if p.places[i], err = pack.Add(p.layout.Entries[i], from); err != nil {
			return err
		}
	}
	return pack.Close()
}

// largePack sends a pack that is too large for memory. It is made twice, once to know its digest and once to send it.
func (p *pusher) largePack(ctx context.Context, layer artifact.Layer, f File, t *tally) (ocispec.Descriptor, error) {
	i := p.largeFile(layer)
	size := p.layout.Entries[i].Size
	sample := make([]byte, min(size, sampleSize))
	if _, err := f.ReadAt(sample, 0); err != nil && !errors.Is(err, io.EOF) {
		return ocispec.Descriptor{}, onTree(err)
	}
	level := p.opts.Compression.Level(sample)
	write := func(w io.Writer) error {
		return p.writePack(w, layer, level, func(int) (io.Reader, error) {
			return t.read(interruptible{ctx, io.NewSectionReader(f, 0, size)}), nil
		})
	}
	sum := &summer{Digester: digest.Canonical.Digester()}
	if err := write(sum); err != nil {
		return ocispec.Descriptor{}, onTree(err)
	}
	desc := packDescriptor(layer, sum.Digest(), sum.n)
	return desc, p.blob(ctx, desc, func() io.ReadCloser { return generate(write) })
}

// summer hashes and counts.
type summer struct {
	digest.Digester
	n int64
}

func (s *summer) Write(b []byte) (int, error) {
	s.n += int64(len(b))
	return s.Hash().Write(b)
}

// generated is what a function writes, as a stream. Closing it waits until the function has returned.
type generated struct {
	*io.PipeReader
	done chan struct{}
}

func generate(write func(io.Writer) error) generated {
	r, w := io.Pipe()
	g := generated{PipeReader: r, done: make(chan struct{})}
	go func() {
		defer close(g.done)
		w.CloseWithError(onTree(write(w)))
	}()
	return g
}

func (g generated) Close() error {
	err := g.PipeReader.Close()
	<-g.done
	return err
}
