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
// error. What breaks is asked for again from where it broke.
type blobReader struct {
	retrier
	ctx      context.Context
	repo     *remote.Repository
	desc     ocispec.Descriptor
	segments *segments     // of a large blob, unless the registry has no ranges
	stream   io.ReadCloser // of a small one; nil before the first byte and after a failure
	offset   int64
	verifier digest.Verifier
	failed   bool // beyond retrying
}

// fetch reads a blob. The caller closes it.
func (f *fetcher) fetch(ctx context.Context, desc ocispec.Descriptor) *blobReader {
	b := &blobReader{retrier: f.retrier, ctx: ctx, repo: f.repo, desc: desc, verifier: desc.Digest.Verifier()}
	if desc.Size >= parallelFrom {
		b.segments = newSegments(ctx, f, desc)
	}
	return b
}

// fetcher gets blobs from a repository.
type fetcher struct {
	retrier
	repo  *remote.Repository
	rings chan []byte // for segments; each is one that may be under way or wait for its turn
}

func newFetcher(repo *remote.Repository, r retrier, layers int) fetcher {
	f := fetcher{
		retrier: r, repo: repo,
		rings: make(chan []byte, max(2, concurrency(layers))),
	}
	for range cap(f.rings) {
		f.rings <- nil // made when it is first used
	}
	return f
}

// resume takes the beginning of a blob from elsewhere. It may be called before the first Read.
func (b *blobReader) resume(beginning io.Reader) error {
	n, err := io.Copy(b.verifier, b.counters.hashed(interruptible{b.ctx, beginning}))
	if err != nil {
		return err
	}
	b.offset = n
	if b.segments != nil {
		b.segments.from = n
	}
	return nil
}

func (b *blobReader) Read(buf []byte) (int, error) {
	if len(buf) == 0 {
		return 0, nil
	}
	if b.segments != nil {
		chunk, err := b.chunk()
		if chunk != nil || err != nil {
			n := copy(buf, chunk)
			b.pass(chunk[:n])
			return n, err
		}
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

// WriteTo writes all there is, without copying it in between.
func (b *blobReader) WriteTo(w io.Writer) (int64, error) {
	if b.segments == nil {
		return io.Copy(w, onlyReader{b})
	}
	var written int64
	for {
		chunk, err := b.chunk()
		switch {
		case errors.Is(err, io.EOF):
			return written, nil
		case err != nil:
			return written, err
		case chunk == nil:
			n, err := io.Copy(w, onlyReader{b})
			return written + n, err
		}
		b.pass(chunk)
		n, err := w.Write(chunk)
		written += int64(n)
		if err != nil {
			return written, err
		}
	}
}

// onlyReader hides all other methods.
type onlyReader struct{ io.Reader }

// chunk returns what comes next of a blob in segments. It returns nothing if there are none after all.
func (b *blobReader) chunk() ([]byte, error) {
	if b.offset == b.desc.Size {
		return nil, b.end()
	}
	chunk, err := b.segments.peek()
	if errors.Is(err, errNoRanges) {
		b.segments.close()
		b.segments = nil
		return nil, nil
	}
	if err != nil {
		b.failed = true
		return nil, err
	}
	return chunk, nil
}

// pass takes a chunk, or the beginning of one, for read. It stays as it is until the next call.
func (b *blobReader) pass(chunk []byte) {
	_, _ = b.verifier.Write(chunk) // a hash takes everything
	b.offset += int64(len(chunk))
	b.segments.advance(len(chunk))
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
	b.closeStream()
	return 0, err
}

// open starts the stream at the offset, by a range request where the registry can, else by passing over what is known.
func (b *blobReader) open(ctx context.Context) error {
	if b.offset > 0 && b.offset < b.desc.Size {
		stream, err := openRange(ctx, b.repo, b.desc, b.offset, b.desc.Size-b.offset)
		if !errors.Is(err, errNoRanges) {
			b.stream = stream
			return err
		}
	}
	stream, err := b.repo.Blobs().Fetch(ctx, b.desc)
	if err != nil {
		return err
	}
	if _, err := io.CopyN(io.Discard, &countedBody{stream, b.counters}, b.offset); err != nil {
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

// Close ends the reading. It may be called at any time.
func (b *blobReader) Close() error {
	if b.segments != nil {
		b.segments.close()
	}
	b.closeStream()
	return nil
}

func (b *blobReader) closeStream() {
	if b.stream != nil {
		_ = b.stream.Close() // nothing was written
		b.stream = nil
	}
}
