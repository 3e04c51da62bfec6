package transfer

import (
	"bytes"
	"context"
	"errors"
	"io"
	"net/http"
	"sync"

	"github.com/opencontainers/go-digest"
	ocispec "github.com/opencontainers/image-spec/specs-go/v1"
	"oras.land/oras-go/v2"
	"oras.land/oras-go/v2/content"
	"oras.land/oras-go/v2/registry/remote"
)

// CopyOptions are the choices of [Copy]. The zero value is right for most.
type CopyOptions struct {
	Concurrency int // blobs in flight; default [DefaultConcurrency]
	Retry       Retry
	Counters    *Counters
}

// Copy copies what a tag or digest names, of any kind, and gives it a tag: a manifest with its blobs, an image index with
// all its manifests. What the destination has is not sent again, and within one registry blobs are mounted. The tag moves
// last. In the result, Blobs and Bytes are what was looked at: a manifest that the destination has is not looked into.
func Copy(ctx context.Context, src *remote.Repository, srcRef string, dst *remote.Repository, dstTag string, opts CopyOptions) (Result, error) {
	from := newFetcher(src, newRetrier(opts.Retry, opts.Counters), opts.Concurrency)
	c := copier{
		uploader: uploader{retrier: from.retrier, repo: dst}, src: from, opts: opts, known: map[digest.Digest]bool{},
		result: Result{Reference: name(dst, dstTag)},
	}
	err := validTag(dstTag)
	if err == nil {
		err = c.copy(ctx, srcRef, dstTag)
	}
	c.result.Uploaded = c.uploaded.Load()
	return c.result, wrap(OpCopy, name(src, srcRef)+" to "+c.result.Reference, c.trouble.explain(err))
}

type copier struct {
	uploader
	src    fetcher
	opts   CopyOptions
	result Result
	body   []byte // of the manifest that is copied
	anew   bool   // do not trust that what a manifest names is there because the manifest is

	mu    sync.Mutex
	known map[digest.Digest]bool
}

func (c *copier) copy(ctx context.Context, ref, tag string) error {
	var err error
	c.result.Descriptor, c.body, err = c.fetchManifest(ctx, c.src.repo, ref)
	if err != nil {
		return err
	}
	return unlessCollected(func() error {
		if err := c.graph(ctx); err != nil {
			return err
		}
		return c.do(ctx, "putting the manifest", func(ctx context.Context) error {
			return c.repo.PushReference(ctx, c.result.Descriptor, bytes.NewReader(c.body), tag)
		})
	}, func() {
		c.anew = true
		c.counters.done(-c.result.Bytes, 0)
	})
}

// graph copies everything but the manifest itself.
func (c *copier) graph(ctx context.Context) error {
	there := func(_ context.Context, desc ocispec.Descriptor) error {
		c.counters.done(c.counted(desc), 0)
		return nil
	}
	opts := oras.CopyGraphOptions{
		Concurrency:   concurrency(c.opts.Concurrency),
		OnCopySkipped: there,
		PreCopy: func(_ context.Context, desc ocispec.Descriptor) error {
			if desc.Digest == c.result.Descriptor.Digest {
				return oras.SkipNode
			}
			return nil
		},
		FindSuccessors: func(ctx context.Context, from content.Fetcher, desc ocispec.Descriptor) ([]ocispec.Descriptor, error) {
			all, err := content.Successors(ctx, from, desc)
			c.expect(all)
			return all, err
		},
	}
	err := oras.CopyGraph(ctx, copySource{c}, copyTarget{c}, c.result.Descriptor, opts)
	if failure, ok := errors.AsType[*oras.CopyError](err); ok {
		return failure.Err
	}
	return err
}

// expect counts blobs that are to be copied, each once.
func (c *copier) expect(descs []ocispec.Descriptor) {
	c.mu.Lock()
	defer c.mu.Unlock()
	for _, desc := range descs {
		if c.known[desc.Digest] || isManifest(desc) {
			continue
		}
		c.known[desc.Digest] = true
		c.result.Blobs++
		c.result.Bytes += desc.Size
		c.counters.expect(desc.Size, 0)
	}
}

// counted returns how much of what expect counted something is.
func (c *copier) counted(desc ocispec.Descriptor) int64 {
	if isManifest(desc) {
		return 0
	}
	return desc.Size
}

func isManifest(desc ocispec.Descriptor) bool {
	switch desc.MediaType {
	case ocispec.MediaTypeImageManifest, ocispec.MediaTypeImageIndex, dockerManifest, dockerManifestList:
		return true
	}
	return false
}

// copySource reads with retries.
type copySource struct{ *copier }

func (s copySource) Fetch(ctx context.Context, desc ocispec.Descriptor) (io.ReadCloser, error) {
	switch {
	case desc.Digest == s.result.Descriptor.Digest:
		return io.NopCloser(bytes.NewReader(s.body)), nil
	case !isManifest(desc):
		return http.NoBody, nil // the target fetches it itself
	}
	_, body, err := s.fetchManifest(ctx, s.src.repo, desc.Digest.String())
	return io.NopCloser(bytes.NewReader(body)), err
}

func (s copySource) Exists(context.Context, ocispec.Descriptor) (bool, error) { return true, nil }

// copyTarget writes with retries: each opens the source again.
type copyTarget struct{ *copier }

func (t copyTarget) Fetch(ctx context.Context, desc ocispec.Descriptor) (io.ReadCloser, error) {
	return t.repo.Fetch(ctx, desc)
}

func (t copyTarget) Exists(ctx context.Context, desc ocispec.Descriptor) (bool, error) {
	if t.anew && isManifest(desc) {
		return false, nil
	}
	there := false
	err := t.do(ctx, "looking for "+desc.Digest.String(), func(ctx context.Context) (err error) {
		there, err = t.repo.Exists(ctx, desc)
		return err
	})
	return there, err
}

func (t copyTarget) Push(ctx context.Context, desc ocispec.Descriptor, from io.Reader) error {
	if !isManifest(desc) {
		return t.blob(ctx, desc)
	}
	body, err := content.ReadAll(from, desc)
	if err != nil {
		return err
	}
	return t.do(ctx, "putting "+desc.Digest.String(), func(ctx context.Context) error {
		return t.repo.Manifests().Push(ctx, desc, bytes.NewReader(body))
	})
}

// blob sends a blob while it is fetched, unless the registry has it in the other repository.
func (t copyTarget) blob(ctx context.Context, desc ocispec.Descriptor) error {
	var other string
	if t.src.repo.Reference.Registry == t.repo.Reference.Registry {
		other = t.src.repo.Reference.Repository
	}
	sent := &tally{counters: t.counters}
	err := t.send(ctx, desc, other, newGenerated(func(w io.Writer) error {
		sent.to(0)
		blob := t.src.fetch(ctx, desc)
		defer blob.Close() //nolint:errcheck // read to its end
		_, err := io.Copy(w, sent.read(blob))
		return err
	}))
	if err == nil {
		sent.to(desc.Size)
	}
	return err
}
