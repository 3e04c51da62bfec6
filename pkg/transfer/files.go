package transfer

import (
	"context"
	"fmt"

	ocispec "github.com/opencontainers/image-spec/specs-go/v1"
	"oras.land/oras-go/v2/registry/remote"

	"github.com/converged-computing/oras-operator/pkg/artifact"
	"github.com/converged-computing/oras-operator/pkg/tree"
)

// Files returns the manifest descriptor and the tree index of an artifact of this project, without its content. Of an
// artifact that others made it returns what the titles say: files with their sizes, unpacked layers as directories.
func Files(ctx context.Context, repo *remote.Repository, ref string, retry Retry) (ocispec.Descriptor, artifact.Index, error) {
	r := newRetrier(retry, nil)
	f, err := r.manifest(ctx, repo, ref, nil)
	if err != nil {
		return ocispec.Descriptor{}, artifact.Index{}, wrap(OpList, name(repo, ref), err)
	}
	if f.manifest.ArtifactType != artifact.ArtifactType {
		return f.desc, titles(f.manifest), nil
	}
	x, err := r.index(ctx, repo, f.manifest)
	return f.desc, x, wrap(OpList, name(repo, ref), err)
}

// titles lists an artifact without an index.
func titles(m ocispec.Manifest) artifact.Index {
	x := artifact.Index{Version: artifact.IndexVersion}
	for i, layer := range m.Layers {
		title := layer.Annotations[ocispec.AnnotationTitle]
		if title == "" {
			title = fmt.Sprintf("(layer %d: %s)", i, layer.MediaType)
		}
		e := artifact.Entry{Layer: i, Digest: layer.Digest}
		e.Path, e.Type, e.Size = tree.Path(title), tree.File, layer.Size
		if isPack(layer) {
			e.Type, e.Size = tree.Dir, 0
		}
		x.Entries = append(x.Entries, e)
	}
	return x
}
