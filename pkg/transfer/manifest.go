package transfer

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"runtime"

	ocispec "github.com/opencontainers/image-spec/specs-go/v1"
	"oras.land/oras-go/v2/content"
	"oras.land/oras-go/v2/registry/remote"

	"github.com/converged-computing/oras-operator/pkg/artifact"
)

// Media types of Docker that are read like those of OCI.
const (
	dockerManifest     = "application/vnd.docker.distribution.manifest.v2+json"
	dockerManifestList = "application/vnd.docker.distribution.manifest.list.v2+json"
	dockerLayer        = "application/vnd.docker.image.rootfs.diff.tar"
)

// found is a manifest with its descriptor.
type found struct {
	named    ocispec.Descriptor // what the reference names: the manifest, or an image index that led to it
	desc     ocispec.Descriptor
	manifest ocispec.Manifest
}

// manifest fetches the image manifest that a reference leads to, by an image index if need be.
func (r retrier) manifest(ctx context.Context, repo *remote.Repository, ref string, p *ocispec.Platform) (found, error) {
	desc, body, err := r.fetchManifest(ctx, repo, ref)
	if err != nil {
		return found{}, err
	}
	named := desc
	if desc.MediaType == ocispec.MediaTypeImageIndex || desc.MediaType == dockerManifestList {
		one, err := choose(body, p)
		if err != nil {
			return found{}, err
		}
		if desc, body, err = r.fetchManifest(ctx, repo, one.Digest.String()); err != nil {
			return found{}, err
		}
	}
	if desc.MediaType != ocispec.MediaTypeImageManifest && desc.MediaType != dockerManifest {
		return found{}, fmt.Errorf("manifest of media type %q: nothing is known about it", desc.MediaType)
	}
	f := found{named: named, desc: desc}
	if err := json.Unmarshal(body, &f.manifest); err != nil {
		return found{}, fmt.Errorf("decoding manifest %s: %w", desc.Digest, err)
	}
	return f, f.check()
}

// check looks at the descriptors of a manifest that anyone may have written.
func (f found) check() error {
	for _, d := range append([]ocispec.Descriptor{f.manifest.Config}, f.manifest.Layers...) {
		if err := d.Digest.Validate(); err != nil {
			return fmt.Errorf("manifest %s: digest %q: %w", f.desc.Digest, string(d.Digest), err)
		}
		if d.Size < 0 {
			return fmt.Errorf("manifest %s: size %d of %s", f.desc.Digest, d.Size, d.Digest)
		}
	}
	return nil
}

func (r retrier) fetchManifest(ctx context.Context, repo *remote.Repository, ref string) (ocispec.Descriptor, []byte, error) {
	var desc ocispec.Descriptor
	var body []byte
	err := r.do(ctx, "fetching manifest "+ref, func(ctx context.Context) error {
		var stream io.ReadCloser
		var err error
		if desc, stream, err = repo.FetchReference(ctx, ref); err != nil {
			return err
		}
		defer stream.Close() //nolint:errcheck // read to its end
		if desc.Size > artifact.MaxManifest {
			return fmt.Errorf("manifest %s: %d bytes are more than %d", desc.Digest, desc.Size, artifact.MaxManifest)
		}
		body, err = content.ReadAll(stream, desc)
		return err
	})
	return desc, body, err
}

// choose picks the manifest for a platform, by default that of this machine, from an image index. The only manifest of an
// index is taken for any platform.
func choose(index []byte, p *ocispec.Platform) (ocispec.Descriptor, error) {
	var x ocispec.Index
	if err := json.Unmarshal(index, &x); err != nil {
		return ocispec.Descriptor{}, fmt.Errorf("decoding image index: %w", err)
	}
	if len(x.Manifests) == 1 && p == nil {
		return x.Manifests[0], nil
	}
	want := ocispec.Platform{OS: runtime.GOOS, Architecture: runtime.GOARCH}
	if p != nil {
		want = *p
	}
	for _, m := range x.Manifests {
		if m.Platform != nil && m.Platform.OS == want.OS && m.Platform.Architecture == want.Architecture &&
			(want.Variant == "" || want.Variant == m.Platform.Variant) {
			return m, nil
		}
	}
	return ocispec.Descriptor{}, fmt.Errorf("the image index has nothing for %s/%s: %w", want.OS, want.Architecture, ErrNotFound)
}

// index fetches the tree index of one of our manifests.
func (r retrier) index(ctx context.Context, repo *remote.Repository, m ocispec.Manifest) (artifact.Index, error) {
	where := artifact.IndexDescriptors(m)
	if len(where) == 0 {
		return artifact.Index{}, fmt.Errorf("%w: the manifest names none", artifact.ErrInvalidIndex)
	}
	var fetchErr error
	documents := func(yield func([]byte) bool) { // one after the other, since all of them may be much
		for _, desc := range where {
			var document []byte
			if desc.Size > artifact.MaxConfigBlob {
				fetchErr = fmt.Errorf("%w: %d bytes in one blob", artifact.ErrInvalidIndex, desc.Size)
			} else {
				document, fetchErr = r.fetchAll(ctx, repo, desc)
			}
			if fetchErr != nil || !yield(document) {
				return
			}
		}
	}
	x, err := artifact.DecodeIndex(documents, len(contentLayers(m)))
	return x, cmp.Or(fetchErr, err)
}

// contentLayers returns the layers of one of our manifests that hold content; they come first.
func contentLayers(m ocispec.Manifest) []ocispec.Descriptor {
	for i, layer := range m.Layers {
		if layer.MediaType == artifact.MediaTypeIndex || layer.MediaType == ocispec.MediaTypeEmptyJSON {
			return m.Layers[:i]
		}
	}
	return m.Layers
}

// fetchAll fetches a small blob and verifies it.
func (r retrier) fetchAll(ctx context.Context, repo *remote.Repository, desc ocispec.Descriptor) ([]byte, error) {
	var body []byte
	err := r.do(ctx, "fetching "+desc.Digest.String(), func(ctx context.Context) error {
		stream, err := repo.Blobs().Fetch(ctx, desc)
		if err != nil {
			return err
		}
		body, err = content.ReadAll(stream, desc)
		return errors.Join(err, stream.Close())
	})
	return body, err
}
