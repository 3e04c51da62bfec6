package sidecar

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"os"
	"sync"
	"sync/atomic"

	"golang.org/x/sys/unix"

	"github.com/converged-computing/oras-operator/pkg/handoff"
)

// errShimGone is the cause of an attendance's end when the shim's process is no more.
var errShimGone = errors.New("the shim is gone")

// lender is the other end of a shim's connection: it asks for listings and open files of the container. Calls are
// answered one at a time; all fail once the shim is gone.
type lender struct {
	conn    *handoff.Conn
	log     *slog.Logger
	replies chan answer
	stream  atomic.Bool // descriptors do not pass: files are read and written over the socket

	mu     sync.Mutex // held from a request to its last reply
	owed   bool       // replies to a request that nobody waits for any more are still to come
	failed error      // why no more can be asked: what came was no reply

	unused unusedHandles
}

type answer struct {
	reply handoff.Reply
	files []*os.File
	bytes []byte // that follow the reply
	err   error
}

// newLender reads from conn until it or ctx ends, and calls gone when the connection ended.
func newLender(ctx context.Context, conn *handoff.Conn, log *slog.Logger, gone func(error)) *lender {
	l := &lender{conn: conn, log: log, replies: make(chan answer)}
	go l.receive(ctx, gone)
	return l
}

func (l *lender) receive(ctx context.Context, gone func(error)) {
	defer close(l.replies)
	for {
		a := l.answer()
		if errors.Is(a.err, io.EOF) || errors.Is(a.err, os.ErrClosed) {
			gone(errShimGone)
			return
		}
		select {
		case l.replies <- a:
		case <-ctx.Done():
			handoff.CloseAll(a.files)
			return
		}
		if a.garbled() {
			return
		}
	}
}

// answer receives one reply and the bytes that it announces.
func (l *lender) answer() answer {
	var a answer
	a.files, a.err = l.conn.Receive(&a.reply)
	switch length := a.reply.Length; {
	case a.garbled() || length == 0:
	case length < 0 || length > handoff.MaxStream:
		a.err = fmt.Errorf("the shim announces %d bytes, the bound is %d", length, handoff.MaxStream)
	default:
		a.bytes = make([]byte, length)
		if err := l.conn.ReceiveBytes(a.bytes); err != nil {
			a.err = err
		}
	}
	return a
}

// garbled tells whether what came is no reply, so that nothing after it can be told apart.
func (a answer) garbled() bool { return a.err != nil && !errors.Is(a.err, handoff.ErrDescriptors) }

// ask sends a request, with the bytes that it announces, and passes each of its replies to take, which owns the files.
// First it deals with what earlier requests have left.
func (l *lender) ask(ctx context.Context, req handoff.Request, bytes []byte, take func(answer) error) error {
	l.mu.Lock()
	defer l.mu.Unlock()
	if err := l.tidy(ctx); err != nil {
		return asking(req, err)
	}
	return l.exchange(ctx, req, bytes, take)
}

// tidy takes the replies that are owed to whoever gave up waiting, and has closed what is not used any more.
func (l *lender) tidy(ctx context.Context) error {
	if err := cmp.Or(l.failed, context.Cause(ctx)); err != nil {
		return err
	}
	for l.owed {
		a, err := l.next(ctx)
		if err != nil && !errors.Is(err, handoff.ErrDescriptors) {
			return err
		}
		handoff.CloseAll(a.files)
		l.unused.add(a.reply.Handles...)
	}
	handles := l.unused.take()
	if len(handles) == 0 {
		return nil
	}
	err := l.exchange(ctx, handoff.Request{Op: handoff.OpClose, Handles: handles}, nil, letGo)
	if _, answered := errors.AsType[*handoff.RemoteError](err); answered {
		return nil // nothing was written to them
	}
	return err
}

// exchange sends a request and takes its replies.
func (l *lender) exchange(ctx context.Context, req handoff.Request, bytes []byte, take func(answer) error) error {
	if err := l.send(req, bytes); err != nil {
		return asking(req, err)
	}
	var failed error
	for l.owed = true; l.owed; {
		a, err := l.next(ctx)
		if err != nil {
			return asking(req, err)
		}
		switch {
		case a.reply.Error != nil:
			handoff.CloseAll(a.files)
			failed = a.reply.Error
		case failed != nil:
			handoff.CloseAll(a.files)
		default:
			failed = take(a)
		}
	}
	return failed
}

func asking(req handoff.Request, err error) error {
	return fmt.Errorf("asking the shim to %s %s: %w", req.Op, req.Path, err)
}

// send passes on a request and its bytes. When the shim is gone it returns only once that is known to all.
func (l *lender) send(req handoff.Request, bytes []byte) error {
	err := l.conn.Send(req)
	if err == nil && len(bytes) > 0 {
		err = l.conn.SendBytes(bytes)
	}
	if !errors.Is(err, unix.EPIPE) && !errors.Is(err, unix.ECONNRESET) && !errors.Is(err, os.ErrClosed) {
		return err
	}
	l.conn.Close() //nolint:errcheck // it is of no more use
	for a := range l.replies {
		handoff.CloseAll(a.files)
	}
	return errShimGone
}

// next waits for a reply.
func (l *lender) next(ctx context.Context) (answer, error) {
	select {
	case a, open := <-l.replies:
		if !open {
			return a, errShimGone
		}
		if a.garbled() {
			l.failed = a.err
		}
		l.owed = a.reply.More && a.reply.Error == nil
		return a, a.err
	case <-ctx.Done():
		return answer{}, fmt.Errorf("no answer: %w", context.Cause(ctx))
	}
}

// do sends a request whose reply says only that it was done.
func (l *lender) do(ctx context.Context, req handoff.Request) error {
	return l.ask(ctx, req, nil, letGo)
}

// letGo takes a reply that says all there is to know by not being an error.
func letGo(a answer) error {
	handoff.CloseAll(a.files)
	return nil
}
