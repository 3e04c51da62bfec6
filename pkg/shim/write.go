package shim

import (
	"fmt"

	"github.com/converged-computing/oras-operator/pkg/handoff"
	"github.com/converged-computing/oras-operator/pkg/tree"
)

// write does a request that adds to the tree that is being written, or commits it.
func (s *server) write(req handoff.Request) error {
	w := s.writer
	switch req.Op {
	case handoff.OpMake:
		return s.reply(each(req.Entries, w.Make))
	case handoff.OpCreate:
		return s.create(req)
	case handoff.OpCommit:
		return s.reply(s.commit())
	}
	return s.reply(fmt.Errorf("operation %q is not known", req.Op))
}

// create makes files. Those that it has made before, and lent in vain, are thrown away first.
func (s *server) create(req handoff.Request) error {
	if req.Again {
		if err := each(req.Entries, func(e tree.Entry) error { return s.writer.Discard(e.Path) }); err != nil {
			return s.reply(err)
		}
	}
	return lend(s, req.Stream, req.Entries, s.writer.CreateEntry)
}

// commit makes the tree visible. Whether it succeeded or not, nothing is being written any more.
func (s *server) commit() error {
	w := s.writer
	s.writer = nil
	return w.Commit()
}

// each calls step for every item until one fails.
func each[T any](items []T, step func(T) error) error {
	for _, item := range items {
		if err := step(item); err != nil {
			return err
		}
	}
	return nil
}
