package transfer

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"io/fs"
	"sync"

	ocispec "github.com/opencontainers/image-spec/specs-go/v1"

	"github.com/converged-computing/oras-operator/pkg/artifact"
	"github.com/converged-computing/oras-operator/pkg/tree"
)

// overlay is a source of which a part is in an artifact. That is fetched only as far as it is opened: a file by itself, or
// the pack that it is in.
type overlay struct {
	fetcher
	tree   *amended
	single bool // the artifact is one file
	index  artifact.Index
	layers []ocispec.Descriptor

	mu    sync.Mutex
	packs []unpacked // the last few
}

type unpacked struct {
	layer    int
	contents map[tree.Path][]byte
}

const (
	// keptPacks is how many packs stay in memory, since neighbours are opened in batches.
	keptPacks = 2
	// maxRepacked is what a pack may unpack to for being made anew, in bytes.
	maxRepacked = 64 << 20
)

func (o *overlay) List(context.Context) (tree.Listing, error) { return o.tree.listing(o.single), nil }

func (o *overlay) Open(ctx context.Context, paths []tree.Path) ([]File, error) {
	return collect(paths, func(p tree.Path) (File, error) {
		if from, ok := o.tree.local[p]; ok {
			return from.place.Open(from.path)
		}
		i, ok := o.tree.old[p]
		if !ok {
			return nil, fmt.Errorf("opening %s: %w", p, fs.ErrNotExist)
		}
		return o.open(ctx, i)
	})
}

// open opens a file of the artifact.
func (o *overlay) open(ctx context.Context, i int) (File, error) {
	e := o.index.Entries[i]
	state := oldFile(o.index, i)
	desc := o.layers[e.Layer]
	if !isPack(desc) {
		content, err := o.whole(ctx, desc)
		return &fetchedFile{ReaderAt: bytes.NewReader(content), state: state}, err
	}
	contents, err := o.unpack(ctx, e.Layer)
	if err != nil {
		return nil, err
	}
	content, ok := contents[e.Path]
	if !ok {
		return nil, fmt.Errorf("%w: %q is not in its layer", artifact.ErrInvalidIndex, string(e.Path))
	}
	return &fetchedFile{ReaderAt: bytes.NewReader(content), state: state}, nil
}

// whole fetches a file that is a layer of its own and has to become part of a pack, as when it is no longer the only one.
func (o *overlay) whole(ctx context.Context, desc ocispec.Descriptor) ([]byte, error) {
	if desc.Size > maxRepacked {
		return nil, fmt.Errorf("%d bytes: %w", desc.Size, ErrPackTooLarge)
	}
	blob := o.fetch(ctx, desc)
	defer blob.Close() //nolint:errcheck // read to its end
	return io.ReadAll(blob)
}

// unpack fetches a pack.
func (o *overlay) unpack(ctx context.Context, layer int) (map[tree.Path][]byte, error) {
	o.mu.Lock()
	defer o.mu.Unlock()
	for _, pack := range o.packs {
		if pack.layer == layer {
			return pack.contents, nil
		}
	}
	var files []*artifact.Entry
	var size int64
	for i := range o.index.Entries {
		e := &o.index.Entries[i]
		if e.Layer == layer && e.Type == tree.File {
			files = append(files, e)
			size += e.Size
		}
	}
	if size > maxRepacked {
		return nil, fmt.Errorf("%d bytes: %w", size, ErrPackTooLarge)
	}
	pack := unpacked{layer, map[tree.Path][]byte{}}
	blob := o.fetch(ctx, o.layers[layer])
	defer blob.Close() //nolint:errcheck // read to its end
	err := unpackKnown(blob, files, func(e *artifact.Entry, content io.Reader) error {
		b := make([]byte, e.Size)
		if _, err := io.ReadFull(content, b); err != nil {
			return err
		}
		if e.Digest.Algorithm().FromBytes(b) != e.Digest {
			return mismatch(e.Entry, e.Digest)
		}
		pack.contents[e.Path] = b
		return nil
	})
	if err != nil {
		return nil, blob.verdict(err)
	}
	o.packs = append(o.packs[max(0, len(o.packs)+1-keptPacks):], pack)
	return pack.contents, nil
}

// fetchedFile is a file of an artifact that is read where it is.
type fetchedFile struct {
	io.ReaderAt
	state tree.Entry
}

func (f *fetchedFile) Stat() (fs.FileInfo, error) { return f.state.Info(), nil }

func (f *fetchedFile) Close() error { return nil }
