package sidecar

import (
	"context"
	"fmt"
	"io"
	"iter"
	"time"

	"github.com/converged-computing/oras-operator/pkg/handoff"
	"github.com/converged-computing/oras-operator/pkg/transfer"
	"github.com/converged-computing/oras-operator/pkg/tree"
)

// maxEntries bounds the listing of an output, so that an application cannot exhaust the sidecar's memory.
const maxEntries = 10_000_000

// abortPatience bounds the wait until a tree that failed is thrown away.
const abortPatience = time.Second

// lentTree is an output as the shim of its container lists and opens it. It is a transfer.Source.
type lentTree struct {
	lender *lender
	path   string
}

// List asks the shim for the tree.
func (t lentTree) List(ctx context.Context) (tree.Listing, error) {
	var listing tree.Listing
	err := t.lender.ask(ctx, handoff.Request{Op: handoff.OpList, Path: t.path}, nil, func(a answer) error {
		handoff.CloseAll(a.files)
		listing.Entries = append(listing.Entries, a.reply.Entries...)
		listing.Skipped = append(listing.Skipped, a.reply.Skipped...)
		listing.File = listing.File || a.reply.File
		if n := len(listing.Entries) + len(listing.Skipped); n > maxEntries {
			return fmt.Errorf("%s holds more than %d entries", t.path, maxEntries)
		}
		return nil
	})
	return listing, err
}

// Open asks the shim for open files.
func (t lentTree) Open(ctx context.Context, names []tree.Path) ([]transfer.File, error) {
	return openAll(batches(names, pathCost), func(batch []tree.Path) ([]lentFile, error) {
		return t.lender.open(ctx, handoff.Request{Op: handoff.OpOpen, Path: t.path, Names: batch}, batch)
	}, func(f lentFile) transfer.File { return f })
}

// lentSink writes a tree through the shim, as the container's own user. It is a transfer.Sink.
type lentSink struct {
	lender *lender
	ended  bool
}

// beginWriting starts a tree in the directory path; the empty path is the container's working directory.
func beginWriting(ctx context.Context, l *lender, path string) (*lentSink, error) {
	if path == "" {
		path = "."
	}
	return &lentSink{lender: l}, l.do(ctx, handoff.Request{Op: handoff.OpBegin, Path: path})
}

// Make asks the shim for directories and links, in messages within their bound.
func (s *lentSink) Make(ctx context.Context, entries []tree.Entry) error {
	for batch := range batches(entries, entryCost) {
		if err := s.lender.do(ctx, handoff.Request{Op: handoff.OpMake, Entries: batch}); err != nil {
			return err
		}
	}
	return nil
}

// Create asks the shim for files open for writing.
func (s *lentSink) Create(ctx context.Context, entries []tree.Entry) ([]io.WriteCloser, error) {
	return openAll(batches(entries, entryCost), func(batch []tree.Entry) ([]lentFile, error) {
		names := make([]tree.Path, len(batch))
		for i, e := range batch {
			names[i] = e.Path
		}
		return s.lender.open(ctx, handoff.Request{Op: handoff.OpCreate, Entries: batch}, names)
	}, func(f lentFile) io.WriteCloser { return f })
}

// Commit makes the tree visible.
func (s *lentSink) Commit(ctx context.Context) error {
	s.ended = true
	return s.lender.do(ctx, handoff.Request{Op: handoff.OpCommit})
}

// Abort throws the tree away, unless it was committed. It does not wait for a shim that hangs: the end of the connection
// has the same effect.
func (s *lentSink) Abort(ctx context.Context) error {
	if s.ended {
		return nil
	}
	s.ended = true
	ctx, cancel := context.WithTimeout(ctx, abortPatience)
	defer cancel()
	return s.lender.do(ctx, handoff.Request{Op: handoff.OpAbort})
}

// openAll joins what open returns for each batch, as what it is to the caller; with an error there are no files.
func openAll[T, F any](batches iter.Seq[[]T], open func([]T) ([]lentFile, error), as func(lentFile) F) ([]F, error) {
	var all []lentFile
	for batch := range batches {
		files, err := open(batch)
		if err != nil {
			closeAll(all)
			return nil, err
		}
		all = append(all, files...)
	}
	files := make([]F, len(all))
	for i, f := range all {
		files[i] = as(f)
	}
	return files, nil
}

// batches cuts items into runs that fit into one message each, by what an item costs at the most, in bytes of JSON.
func batches[T any](items []T, cost func(T) int) iter.Seq[[]T] {
	const budget = handoff.MaxMessage - 1024 // for the rest of the message
	return func(yield func([]T) bool) {
		start, size := 0, 0
		for i, item := range items {
			if i > start && size+cost(item) > budget {
				if !yield(items[start:i]) {
					return
				}
				start, size = i, 0
			}
			size += cost(item)
		}
		if start < len(items) {
			yield(items[start:])
		}
	}
}

// pathCost allows for six bytes of JSON for each byte, as \u0001 takes.
func pathCost(p tree.Path) int { return 32 + 6*len(p) }

// entryCost allows for the fields of fixed size besides.
func entryCost(e tree.Entry) int { return 256 + pathCost(e.Path) + pathCost(e.Link) }
