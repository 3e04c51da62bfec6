package shim

import (
	"errors"
	"fmt"
	"os"

	"github.com/converged-computing/oras-operator/pkg/handoff"
	"github.com/converged-computing/oras-operator/pkg/tree"
)

// Lending is how the sidecar gets at the files of the container.
type Lending string

// The ways. The sidecar asks for bytes by itself where descriptors do not pass; LendBytes leaves it no choice.
const (
	LendDescriptors Lending = "descriptors"
	LendBytes       Lending = "bytes"
)

// MarshalText writes l as its flag has it.
func (l Lending) MarshalText() ([]byte, error) { return []byte(l), nil }

// UnmarshalText reads what its flag has.
func (l *Lending) UnmarshalText(text []byte) error {
	*l = Lending(text)
	if *l != LendDescriptors && *l != LendBytes {
		return fmt.Errorf("neither %s nor %s", LendDescriptors, LendBytes)
	}
	return nil
}

// lend opens every item and replies with the files, or with handles of them if they are to be streamed, and with errors
// for those that could not be opened.
func lend[T any](s *server, stream bool, items []T, open func(T) (*os.File, error)) error {
	switch {
	case len(items) > handoff.MaxFiles:
		return s.reply(fmt.Errorf("%d files in one request, at most %d are lent at a time", len(items), handoff.MaxFiles))
	case !stream && s.lending == LendBytes:
		return s.reply(handoff.ErrDescriptors)
	case stream && !s.handles.room(len(items)):
		return s.reply(fmt.Errorf("%d files are open already, at most %d are at a time", len(s.handles.open), maxHandles))
	}
	files, failed := openEach(items, open)
	if stream {
		return s.lendHandles(files, failed)
	}
	defer handoff.CloseAll(files) // the sidecar has its own descriptors of them
	err := s.conn.Send(handoff.Reply{Errors: failed}, files...)
	if errors.Is(err, handoff.ErrDescriptors) {
		return s.reply(err)
	}
	return err
}

// openEach returns the files of those items that can be opened, and for the others why not.
func openEach[T any](items []T, open func(T) (*os.File, error)) ([]*os.File, map[int]*handoff.RemoteError) {
	var files []*os.File
	failed := map[int]*handoff.RemoteError{}
	for i, item := range items {
		f, err := open(item)
		if err != nil {
			failed[i] = handoff.NewRemoteError(err)
			continue
		}
		files = append(files, f)
	}
	return files, failed
}

// lendHandles keeps the files open and replies with their handles and states.
func (s *server) lendHandles(files []*os.File, failed map[int]*handoff.RemoteError) error {
	reply := handoff.Reply{Errors: failed}
	for _, f := range files {
		state, err := tree.Stat(f)
		if err != nil {
			handoff.CloseAll(files)
			return s.reply(err)
		}
		reply.States = append(reply.States, state)
	}
	for _, f := range files {
		reply.Handles = append(reply.Handles, s.handles.add(f))
	}
	return s.conn.Send(reply)
}
