package sidecar

import (
	"context"
	"errors"
	"fmt"
	"io/fs"

	"github.com/converged-computing/oras-operator/pkg/handoff"
	"github.com/converged-computing/oras-operator/pkg/transfer"
	"github.com/converged-computing/oras-operator/pkg/tree"
)

// errNoOutput means that an output's path does not exist, unlike a file in it that is gone when it is to be read.
var errNoOutput = errors.New("it does not exist")

// mounted is an output as it lies on a volume that the sidecar has mounted; nil for one that does not. No shim is needed.
func mounted(out handoff.Output) transfer.Source {
	if out.Mount == "" {
		return nil
	}
	return output{transfer.At(out.Place())}
}

// output is a source that tells the absence of an output by errNoOutput.
type output struct{ transfer.Source }

// List returns the tree.
func (o output) List(ctx context.Context) (tree.Listing, error) {
	listing, err := o.Source.List(ctx)
	if errors.Is(err, fs.ErrNotExist) {
		err = fmt.Errorf("%w: %w", errNoOutput, err)
	}
	return listing, err
}

// orEmpty is a source that is an empty tree where there is no output.
type orEmpty struct{ transfer.Source }

// List returns the tree.
func (o orEmpty) List(ctx context.Context) (tree.Listing, error) {
	listing, err := o.Source.List(ctx)
	if errors.Is(err, errNoOutput) {
		return tree.Listing{}, nil
	}
	return listing, err
}
