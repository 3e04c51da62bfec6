package sidecar

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"

	"github.com/converged-computing/oras-operator/pkg/handoff"
	"github.com/converged-computing/oras-operator/pkg/transfer"
	"github.com/converged-computing/oras-operator/pkg/tree"
)

// lentFile is an open file of the container: a descriptor from the shim, or a file that it reads and writes for us.
type lentFile interface {
	transfer.File
	io.Writer
}

// open sends a request that is answered with one file for each of names. Once descriptors have not passed, it asks for
// none any more.
func (l *lender) open(ctx context.Context, req handoff.Request, names []tree.Path) ([]lentFile, error) {
	if !l.stream.Load() {
		files, err := l.openDescriptors(ctx, req, names)
		if !errors.Is(err, handoff.ErrDescriptors) {
			return files, err
		}
		if l.stream.CompareAndSwap(false, true) {
			l.log.Info("Files are read and written over the socket.", "reason", err)
		}
		req.Again = req.Op == handoff.OpCreate
	}
	req.Stream = true
	return l.openStreams(ctx, req, names)
}

func (l *lender) openDescriptors(ctx context.Context, req handoff.Request, names []tree.Path) ([]lentFile, error) {
	var lent []lentFile
	err := l.ask(ctx, req, nil, func(a answer) error {
		for _, f := range a.files {
			lent = append(lent, f)
		}
		if err := firstError(a.reply, names); err != nil {
			return err
		}
		return checkDescriptors(names, a.files)
	})
	if err != nil {
		closeAll(lent)
		return nil, err
	}
	return lent, nil
}

// checkDescriptors refuses anything whose reading could block or have an effect. A descriptor of a file system that
// answers its own user alone, as FUSE does, cannot be looked at.
func checkDescriptors(names []tree.Path, files []*os.File) error {
	switch {
	case len(files) > len(names):
		return fmt.Errorf("the shim lent %d files for %d names", len(files), len(names))
	case len(files) < len(names):
		return fmt.Errorf("%w: the shim lent %d files for %d names", handoff.ErrDescriptors, len(files), len(names))
	}
	for i, f := range files {
		info, err := f.Stat()
		if err != nil {
			return fmt.Errorf("%s: %w: %w", names[i], handoff.ErrDescriptors, err)
		}
		if !info.Mode().IsRegular() {
			return fmt.Errorf("%s: the shim lent a %s, not a regular file", names[i], info.Mode().Type())
		}
	}
	return nil
}

// openStreams asks for files that stay with the shim.
func (l *lender) openStreams(ctx context.Context, req handoff.Request, names []tree.Path) ([]lentFile, error) {
	var lent []lentFile
	err := l.ask(ctx, req, nil, func(a answer) error {
		handoff.CloseAll(a.files)
		err := firstError(a.reply, names)
		if err == nil {
			err = checkHandles(names, a.reply)
		}
		if err != nil {
			l.unused.add(a.reply.Handles...)
			return err
		}
		for i, handle := range a.reply.Handles {
			lent = append(lent, &stream{ctx: ctx, lender: l, handle: handle, written: req.Op == handoff.OpCreate, state: a.reply.States[i]})
		}
		return nil
	})
	return lent, err
}

func checkHandles(names []tree.Path, reply handoff.Reply) error {
	if len(reply.Handles) != len(names) || len(reply.States) != len(names) {
		return fmt.Errorf("the shim opened %d files, of which it describes %d, for %d names", len(reply.Handles), len(reply.States), len(names))
	}
	for i, state := range reply.States {
		if err := checkState(state); err != nil {
			return fmt.Errorf("%s: %w", names[i], err)
		}
	}
	return nil
}

// checkState refuses what no fstat of a regular file says.
func checkState(state tree.Entry) error {
	if state.Type != tree.File || state.Size < 0 {
		return fmt.Errorf("the shim opened a %q of %d bytes, not a regular file", state.Type, state.Size)
	}
	return nil
}

// firstError returns what a reply says went wrong with the first of names.
func firstError(reply handoff.Reply, names []tree.Path) error {
	for i, name := range names {
		if err := reply.Errors[i]; err != nil {
			return fmt.Errorf("%s: %w", name, err)
		}
	}
	return nil
}

// closeAll closes files that were only read from, or whose content no longer matters.
func closeAll(files []lentFile) {
	for _, f := range files {
		f.Close() //nolint:errcheck // see above
	}
}
