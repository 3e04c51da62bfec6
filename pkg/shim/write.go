package shim

import (
	"fmt"

	"github.com/converged-computing/oras-operator/pkg/handoff"
)

// write does a request that adds to the tree that is being written, or commits it.
func (s *server) write(req handoff.Request) error {
	w := s.writer
	switch req.Op {
	case handoff.OpMake:
		return s.reply(each(req.Entries, w.Make))
	case handoff.OpCreate:
		return lend(s, req.Entries, w.CreateEntry)
	case handoff.OpCommit:
		return s.reply(s.commit())
	}
	return s.reply(fmt.Errorf("operation %q is not known", req.Op))
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
