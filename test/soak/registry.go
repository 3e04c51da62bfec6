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
	lineage, err := lineageOf(ctx, repo)
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
	a := &Artifact{ExitCode: lineage.ExitCode, Incomplete: lineage.Incomplete}
	err = pull(ctx, repo, filepath.Join(dir, "tree"))
	switch {
	case err != nil && (ctx.Err() != nil || transfer.Transient(err)):
		return nil, err
	case err != nil:
		a.Broken = err
	default:
		a.Differs = s.Tree.Check(filepath.Join(dir, "tree"))
	}
	return a, nil
}

func pull(ctx context.Context, repo *remote.Repository, dir string) error {
	sink, err := transfer.IntoDirectory(dir, tree.WriterOptions{})
	if err != nil {
		return err
	}
	_, err = transfer.Pull(ctx, repo, transfer.DefaultTag, sink, transfer.PullOptions{})
	return err
}

// lineageOf reads where the artifact of a repository came from.
func lineageOf(ctx context.Context, repo *remote.Repository) (artifact.Lineage, error) {
	_, body, err := oras.FetchBytes(ctx, repo, transfer.DefaultTag, oras.DefaultFetchBytesOptions)
	if err != nil {
		return artifact.Lineage{}, err
	}
	var manifest ocispec.Manifest
	err = json.Unmarshal(body, &manifest)
	return artifact.LineageOf(manifest.Annotations), err
}
