package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"strings"
	"sync"

	"github.com/converged-computing/oras-operator/pkg/transfer"
	"github.com/converged-computing/oras-operator/pkg/tree"
)

// later is a sink in a directory that is not made before there is something to write, so that a pull of what does not
// exist leaves nothing.
type later struct {
	open func() (transfer.Sink, error)

	mu   sync.Mutex
	sink transfer.Sink
}

var _ transfer.Holder = (*later)(nil)

func intoLater(dir string) transfer.Sink {
	return &later{open: func() (transfer.Sink, error) { return transfer.IntoDirectory(dir, tree.WriterOptions{}) }}
}

func (l *later) opened() (transfer.Sink, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	var err error
	if l.sink == nil {
		l.sink, err = l.open()
	}
	return l.sink, err
}

func (l *later) Make(ctx context.Context, entries []tree.Entry) error {
	sink, err := l.opened()
	if err != nil {
		return err
	}
	return sink.Make(ctx, entries)
}

func (l *later) Create(ctx context.Context, entries []tree.Entry) ([]io.WriteCloser, error) {
	sink, err := l.opened()
	if err != nil {
		return nil, err
	}
	return sink.Create(ctx, entries)
}

// Existing opens a file that is there already, so that it need not be pulled.
func (l *later) Existing(p tree.Path) (transfer.File, error) {
	holder, err := l.holder()
	if err != nil {
		return nil, err
	}
	return holder.Existing(p)
}

// Keep lets a file that is there stay.
func (l *later) Keep(e, now tree.Entry) error {
	holder, err := l.holder()
	if err != nil {
		return err
	}
	return holder.Keep(e, now)
}

func (l *later) holder() (transfer.Holder, error) {
	sink, err := l.opened()
	if err != nil {
		return nil, err
	}
	holder, ok := sink.(transfer.Holder)
	if !ok {
		return nil, errors.ErrUnsupported
	}
	return holder, nil
}

func (l *later) Commit(ctx context.Context) error {
	sink, err := l.opened()
	if err != nil {
		return err
	}
	return sink.Commit(ctx)
}

func (l *later) Abort(ctx context.Context) error {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.sink == nil {
		return nil
	}
	return l.sink.Abort(ctx)
}

// unmatched names the patterns that nothing matched.
func unmatched(err error, patterns []string) error {
	if !errors.Is(err, transfer.ErrNoMatch) {
		return err
	}
	return fmt.Errorf("%w --path %s", err, strings.Join(patterns, ", "))
}
