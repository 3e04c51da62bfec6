package sidecar

import (
	"context"
	"fmt"
	"io"
	"io/fs"
	"slices"
	"sync"

	"github.com/converged-computing/oras-operator/pkg/handoff"
	"github.com/converged-computing/oras-operator/pkg/tree"
)

// stream is an open file that the shim reads and writes for us, piece by piece over the socket.
type stream struct {
	ctx     context.Context // of whoever opened it, since an io.ReaderAt has none of its own
	lender  *lender
	handle  int
	written bool // so that closing it may fail
	offset  int64

	mu    sync.Mutex
	state tree.Entry // as the shim has told it last
}

// ReadAt asks for one piece after the other.
func (s *stream) ReadAt(b []byte, offset int64) (int, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	n := 0
	for n < len(b) {
		piece := b[n:min(n+handoff.MaxStream, len(b))]
		got, err := s.read(piece, offset+int64(n))
		n += got
		switch {
		case err != nil:
			return n, err
		case got < len(piece):
			return n, io.EOF
		}
	}
	return n, nil
}

func (s *stream) read(piece []byte, offset int64) (n int, err error) {
	req := handoff.Request{Op: handoff.OpRead, Handle: s.handle, Offset: offset, Length: len(piece)}
	err = s.lender.ask(s.ctx, req, nil, func(a answer) error {
		handoff.CloseAll(a.files)
		if len(a.bytes) > len(piece) || len(a.reply.States) != 1 {
			return fmt.Errorf("the shim read %d bytes instead of %d, and tells %d states", len(a.bytes), len(piece), len(a.reply.States))
		}
		n, s.state = copy(piece, a.bytes), a.reply.States[0]
		return checkState(s.state)
	})
	return n, err
}

// Stat returns the state of the file when it was opened, or after the last piece that was read.
func (s *stream) Stat() (fs.FileInfo, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.state.Info(), nil
}

// Write appends b to what was written so far.
func (s *stream) Write(b []byte) (int, error) {
	n := 0
	for piece := range slices.Chunk(b, handoff.MaxStream) {
		req := handoff.Request{Op: handoff.OpWrite, Handle: s.handle, Offset: s.offset, Length: len(piece)}
		if err := s.lender.ask(s.ctx, req, piece, letGo); err != nil {
			return n, err
		}
		n += len(piece)
		s.offset += int64(len(piece))
	}
	return n, nil
}

// Close has the shim close the file: with the next request, if it was only read.
func (s *stream) Close() error {
	if !s.written {
		s.lender.unused.add(s.handle)
		return nil
	}
	err := s.lender.do(s.ctx, handoff.Request{Op: handoff.OpClose, Handles: []int{s.handle}})
	if err != nil {
		s.lender.unused.add(s.handle) // it may be open still
	}
	return err
}

// unusedHandles are those of open files that are of no more use.
type unusedHandles struct {
	mu      sync.Mutex
	handles []int
}

func (u *unusedHandles) add(handles ...int) {
	u.mu.Lock()
	defer u.mu.Unlock()
	u.handles = append(u.handles, handles...)
}

// take returns all of them, which are then the caller's to close.
func (u *unusedHandles) take() []int {
	u.mu.Lock()
	defer u.mu.Unlock()
	handles := u.handles
	u.handles = nil
	return handles
}
