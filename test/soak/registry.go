package soak

import (
	"context"
	"encoding/json"
	"errors"
	"os"
	"path/filepath"

	ocispec "github.com/opencontainers/image-spec/specs-go/v1"
	"oras.land/oras-go/v2"
	"oras.land/oras-go/v2/errdef"
	"oras.land/oras-go/v2/registry/remote"

	"github.com/converged-computing/oras-operator/pkg/artifact"
	"github.com/converged-computing/oras-operator/pkg/transfer"
	"github.com/converged-computing/oras-operator/pkg/tree"
)

// look pulls what a step's tag names, from the registry at address, and holds it against what the step makes; nil where
// there is nothing. An error says nothing of the artifact.
func look(ctx context.Context, address string, s Step) (*Artifact, error) {
	repo, err := transfer.Registry{Host: address, PlainHTTP: true}.Repository(s.Name)
	if err != nil {
		return nil, err
	}
	desc, err := repo.Resolve(ctx, transfer.DefaultTag)
	if errors.Is(err, errdef.ErrNotFound) {
		return nil, nil //nolint:nilnil // as the comment says
	}
	if err != nil {
		return nil, err
	}
	dir, err := os.MkdirTemp("", "oras-soak-")
	if err != nil {
		return nil, err
	}
	defer os.RemoveAll(dir) //nolint:errcheck // what is left is in a temporary directory
	lineage, err := lineageOf(ctx, repo, desc.Digest.String())
	if err == nil {
		err = pull(ctx, repo, desc.Digest.String(), filepath.Join(dir, "tree"))
	}
	a := &Artifact{ExitCode: lineage.ExitCode, Incomplete: lineage.Incomplete}
	switch {
	case err != nil && (ctx.Err() != nil || saysNothing(err)):
		return nil, err
	case err != nil:
		a.Broken = err
	default:
		a.Differs = s.Tree.Check(filepath.Join(dir, "tree"))
	}
	return a, nil
}

// saysNothing tells whether an error of a pull is none of the artifact's: the registry is down, or this machine's disk full.
func saysNothing(err error) bool {
	failure, ok := errors.AsType[*transfer.Error](err)
	return transfer.Transient(err) || ok && failure.Side == transfer.SideTree
}

func pull(ctx context.Context, repo *remote.Repository, digest, dir string) error {
	sink, err := transfer.IntoDirectory(dir, tree.WriterOptions{})
	if err != nil {
		return err
	}
	_, err = transfer.Pull(ctx, repo, digest, sink, transfer.PullOptions{})
	return err
}

// lineageOf reads where an artifact came from.
func lineageOf(ctx context.Context, repo *remote.Repository, digest string) (artifact.Lineage, error) {
	_, body, err := oras.FetchBytes(ctx, repo, digest, oras.DefaultFetchBytesOptions)
	if err != nil {
		return artifact.Lineage{}, err
	}
	var manifest ocispec.Manifest
	err = json.Unmarshal(body, &manifest)
	return artifact.LineageOf(manifest.Annotations), err
}
