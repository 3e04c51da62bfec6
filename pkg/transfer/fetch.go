package transfer

import (
	"context"
	"errors"
	"fmt"
	"io"

	"github.com/opencontainers/go-digest"
	ocispec "github.com/opencontainers/image-spec/specs-go/v1"
	"oras.land/oras-go/v2/registry/remote"
)

// blobReader reads a blob to its end, which is io.EOF only if size and digest are right, else [ErrDigest] or another
// error. A stream that breaks is opened again where it broke.
type blobReader struct {
	retrier
	ctx      context.Context
	repo     *remote.Repository
	desc     ocispec.Descriptor
	stream   io.ReadCloser // nil before the first byte and after a failure
	offset   int64
	verifier digest.Verifier
	failed   bool // beyond retrying
}

func (r retrier) fetch(ctx context.Context, repo *remote.Repository, desc ocispec.Descriptor) *blobReader {
	return &blobReader{retrier: r, ctx: ctx, repo: repo, desc: desc, verifier: desc.Digest.Verifier()}
}

func (b *blobReader) Read(buf []byte) (int, error) {
	if len(buf) == 0 {
		return 0, nil
	}
	n := 0
	err := b.do(b.ctx, "fetching "+b.desc.Digest.String(), func(ctx context.Context) (err error) {
		n, err = b.try(ctx, buf)
		return err
	})
	if err != nil {
		b.failed = true
		return 0, err
	}
	if n == 0 {
		return 0, b.end()
	}
	_, _ = b.verifier.Write(buf[:n]) // a hash takes everything
	b.offset += int64(n)
	b.counters.moved(n)
	return n, nil
}

// try reads some bytes, or none at the end.
func (b *blobReader) try(ctx context.Context, buf []byte) (int, error) {
	if b.stream == nil {
		if err := b.open(ctx); err != nil {
			return 0, err
		}
	}
	n, err := b.stream.Read(buf)
	for n == 0 && err == nil {
		n, err = b.stream.Read(buf)
	}
	switch {
	case n > 0:
		return n, nil // an error comes again with the next read
	case errors.Is(err, io.EOF) && b.offset >= b.desc.Size:
		return 0, nil
	case errors.Is(err, io.EOF):
		err = fmt.Errorf("%s ended after %d of %d bytes: %w", b.desc.Digest, b.offset, b.desc.Size, io.ErrUnexpectedEOF)
	}
	_ = b.Close()
	return 0, err
}

// open starts the stream at the offset, by a range request where the registry can, else by passing over what is known.
func (b *blobReader) open(ctx context.Context) error {
	stream, err := b.repo.Blobs().Fetch(ctx, b.desc)
	if err != nil {
		return err
	}
	if b.offset > 0 {
		if seeker, ok := stream.(io.Seeker); ok {
			_, err = seeker.Seek(b.offset, io.SeekStart)
		} else {
			_, err = io.CopyN(io.Discard, stream, b.offset)
		}
	}
	if err != nil {
		return errors.Join(err, stream.Close())
	}
	b.stream = stream
	return nil
}

func (b *blobReader) end() error {
	if b.offset != b.desc.Size {
		return fmt.Errorf("%s: %d bytes are not %d: %w", b.desc.Digest, b.offset, b.desc.Size, ErrDigest)
	}
	if !b.verifier.Verified() {
		return fmt.Errorf("%s: %w", b.desc.Digest, ErrDigest)
	}
	return io.EOF
}

// maxDrain is how much of a blob is still read to learn whether it is what it should be, in bytes.
const maxDrain = 64 << 20

// verdict returns the error about a blob's content, unless the content is not what the descriptor says: then that is the
// better explanation.
func (b *blobReader) verdict(err error) error {
	var local *treeError
	if err == nil || b.failed || errors.As(err, &local) || b.desc.Size-b.offset > maxDrain {
		return err
	}
	if _, rest := io.Copy(io.Discard, b); errors.Is(rest, ErrDigest) {
		return rest
	}
	return err
}

// Close ends the stream. It may be called at any time.
func (b *blobReader) Close() error {
	if b.stream == nil {
		return nil
	}
	err := b.stream.Close()
	b.stream = nil
	return err
}
