package transfer

import (
	"errors"
	"io"
	"sync"
	"sync/atomic"
)

// bodies are those of one request, which has a second one when it is sent again with new credentials. Only the last may be
// read, and none once the request is over: net/http may go on reading in another goroutine, and what is read from, a file's
// hash or a buffer, is used for something else by then.
type bodies struct {
	open func() io.ReadCloser

	mu      sync.Mutex // held while a body is read
	current atomic.Pointer[body]
}

var errOver = errors.New("the request is over")

// next ends the body before and begins one.
func (s *bodies) next() (io.ReadCloser, error) {
	s.end()
	b := &body{ReadCloser: s.open(), of: s}
	s.current.Store(b)
	return b, nil
}

// end returns when nothing is being read any more, and what made it has ended.
func (s *bodies) end() {
	if b := s.current.Swap(nil); b != nil {
		_ = b.Close() // which also ends a read that waits
		s.mu.Lock()
		defer s.mu.Unlock()
	}
}

type body struct {
	io.ReadCloser
	of *bodies
}

func (b *body) Read(p []byte) (int, error) {
	b.of.mu.Lock()
	defer b.of.mu.Unlock()
	if b.of.current.Load() != b {
		return 0, errOver
	}
	return b.ReadCloser.Read(p)
}
