package transfer

import (
	"bytes"
	"context"
	"io"

	"github.com/opencontainers/go-digest"
	ocispec "github.com/opencontainers/image-spec/specs-go/v1"
)

// opener gives content from its start, once for each attempt to send it.
type opener func() io.ReadCloser

func bytesOf(content []byte) opener {
	return func() io.ReadCloser { return io.NopCloser(bytes.NewReader(content)) }
}

// blob sees that the registry has a blob.
func (p *pusher) blob(ctx context.Context, desc ocispec.Descriptor, open opener) error {
	there, err := p.exists(ctx, desc.Digest)
	if there || err != nil {
		return err
	}
	return p.do(ctx, "uploading "+desc.Digest.String(), func(ctx context.Context) error {
		stream := open()
		defer stream.Close() //nolint:errcheck // a failure to read has stopped the upload
		err := p.repo.Blobs().Push(ctx, desc, &countedReader{r: stream, counters: p.counters})
		if err == nil {
			p.uploaded.Add(desc.Size)
		}
		return err
	})
}

func (p *pusher) exists(ctx context.Context, d digest.Digest) (bool, error) {
	there := false
	err := p.do(ctx, "looking for "+d.String(), func(ctx context.Context) (err error) {
		there, err = p.repo.Blobs().Exists(ctx, ocispec.Descriptor{Digest: d})
		return err
	})
	return there, err
}

// countedReader counts bytes on the wire.
type countedReader struct {
	r        io.Reader
	counters *Counters
}

func (c *countedReader) Read(b []byte) (int, error) {
	n, err := c.r.Read(b)
	c.counters.moved(n)
	return n, err
}
