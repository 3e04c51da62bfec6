package sidecar

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"sync"

	"golang.org/x/sys/unix"

	"github.com/converged-computing/oras-operator/pkg/handoff"
	"github.com/converged-computing/oras-operator/pkg/tree"
)

// errShimGone is the cause of an attendance's end when the shim's process is no more.
var errShimGone = errors.New("the shim is gone")

// lender is the other end of a shim's connection: it asks for listings and open files of the container. Calls are
// answered one at a time; all fail once the shim is gone.
type lender struct {
	conn    *handoff.Conn
	replies chan answer

	mu     sync.Mutex // held from a request to its last reply
	failed error      // why no more can be asked: a reply is missing, or was none
}

type answer struct {
	reply handoff.Reply
	files []*os.File
	err   error // what came is no reply, and nothing after it can be told apart
}

// newLender reads from conn until it or ctx ends, and calls gone when the connection ended.
func newLender(ctx context.Context, conn *handoff.Conn, gone func(error)) *lender {
	l := &lender{conn: conn, replies: make(chan answer)}
	go l.receive(ctx, gone)
	return l
}

func (l *lender) receive(ctx context.Context, gone func(error)) {
	defer close(l.replies)
	for {
		var a answer
		if a.files, a.err = l.conn.Receive(&a.reply); errors.Is(a.err, io.EOF) || errors.Is(a.err, os.ErrClosed) {
			gone(errShimGone)
			return
		}
		select {
		case l.replies <- a:
		case <-ctx.Done():
			handoff.CloseAll(a.files)
			return
		}
		if a.err != nil {
			return
		}
	}
}

// ask sends a request and passes each of its replies to take, which owns the files.
func (l *lender) ask(ctx context.Context, req handoff.Request, take func(handoff.Reply, []*os.File) error) error {
	l.mu.Lock()
	defer l.mu.Unlock()
	if err := l.send(req); err != nil {
		return fmt.Errorf("asking the shim to %s %s: %w", req.Op, req.Path, err)
	}
	var failed error
	for {
		a, err := l.next(ctx)
		if err != nil {
			l.failed = err
			return fmt.Errorf("asking the shim to %s %s: %w", req.Op, req.Path, err)
		}
		switch {
		case a.reply.Error != nil:
			handoff.CloseAll(a.files)
			return a.reply.Error
		case failed != nil:
			handoff.CloseAll(a.files)
		default:
			failed = take(a.reply, a.files)
		}
		if !a.reply.More {
			return failed
		}
	}
}

// send passes on a request. When the shim is gone it returns only once that is known to all.
func (l *lender) send(req handoff.Request) error {
	if l.failed != nil {
		return l.failed
	}
	err := l.conn.Send(req)
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
		return a, a.err
	case <-ctx.Done():
		return answer{}, fmt.Errorf("no answer: %w", context.Cause(ctx))
	}
}

// do sends a request whose reply says only that it was done.
func (l *lender) do(ctx context.Context, req handoff.Request) error {
	return l.ask(ctx, req, func(_ handoff.Reply, files []*os.File) error {
		handoff.CloseAll(files)
		return nil
	})
}

// open sends a request that is answered with one file for each of names.
func (l *lender) open(ctx context.Context, req handoff.Request, names []tree.Path) ([]*os.File, error) {
	var lent []*os.File
	err := l.ask(ctx, req, func(reply handoff.Reply, files []*os.File) error {
		lent = files
		for i, name := range names {
			if err := reply.Errors[i]; err != nil {
				return fmt.Errorf("%s: %w", name, err)
			}
		}
		if len(files) != len(names) {
			return fmt.Errorf("the shim lent %d files for %d names", len(files), len(names))
		}
		return checkRegular(names, files)
	})
	if err != nil {
		handoff.CloseAll(lent)
		return nil, err
	}
	return lent, nil
}

// checkRegular refuses anything whose reading could block or have an effect.
func checkRegular(names []tree.Path, files []*os.File) error {
	for i, f := range files {
		info, err := f.Stat()
		if err != nil {
			return fmt.Errorf("%s: %w", names[i], err)
		}
		if !info.Mode().IsRegular() {
			return fmt.Errorf("%s: the shim lent a %s, not a regular file", names[i], info.Mode().Type())
		}
	}
	return nil
}
