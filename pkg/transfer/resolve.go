package transfer

import (
	"context"

	ocispec "github.com/opencontainers/image-spec/specs-go/v1"
	"oras.land/oras-go/v2/registry/remote"
)

// Resolve returns the descriptor of the manifest that a tag or digest names. It returns [ErrNotFound] if there is none.
func Resolve(ctx context.Context, repo *remote.Repository, ref string, retry Retry) (ocispec.Descriptor, error) {
	var desc ocispec.Descriptor
	err := newRetrier(retry, nil).do(ctx, "resolving "+ref, func(ctx context.Context) (err error) {
		desc, err = repo.Resolve(ctx, ref)
		return err
	})
	return desc, wrap(OpResolve, name(repo, ref), err)
}
