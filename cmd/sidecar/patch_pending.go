package main

import (
	"context"
	"errors"

	"oras.land/oras-go/v2/registry/remote"

	"github.com/converged-computing/oras-operator/pkg/artifact"
	"github.com/converged-computing/oras-operator/pkg/transfer"
	"github.com/converged-computing/oras-operator/pkg/tree"
)

// TODO: this file goes when pkg/transfer has Patch; patch.go then names transfer.Patch, PatchOptions and Addition.

type patchOptions struct {
	Add         []addition
	Remove      []string
	DryRun      bool
	Compression artifact.Compression
	Concurrency int
	Lineage     artifact.Lineage
	Retry       transfer.Retry
	Counters    *transfer.Counters
}

type addition struct {
	Local string
	Path  tree.Path
}

func transferPatch(context.Context, *remote.Repository, string, patchOptions) (transfer.Result, error) {
	return transfer.Result{}, errors.New("patching is not part of this build yet")
}
