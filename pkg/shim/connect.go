package shim

import (
	"context"
	"errors"
	"io/fs"
	"log/slog"
	"sync"
	"time"

	"golang.org/x/sys/unix"

	"github.com/converged-computing/oras-operator/pkg/handoff"
)

const (
	// reconnectPause lies between two connections, so that a sidecar that refuses every one costs nothing.
	reconnectPause = 50 * time.Millisecond
	// disconnectGrace bounds how long an ending shim waits for a request that is being answered.
	disconnectGrace = 50 * time.Millisecond
)

// link is the connection to the sidecar, made anew whenever it is lost.
type link struct {
	dir   handoff.Dir
	hello handoff.Hello
	lend  Lending
	log   *slog.Logger

	mu   sync.Mutex
	lost time.Time // since when there is none; zero: there is one
}

// connect keeps a connection to the sidecar and serves its requests in the background, where there is a hand-off. The
// function it returns ends that.
func (l *life) connect(ctx context.Context) (disconnect func(), err error) {
	if l.opts.detached() {
		return func() {}, nil
	}
	token, err := l.writeClaim()
	if err != nil {
		return nil, err
	}
	l.link = &link{
		dir:   l.opts.RunDir,
		hello: handoff.Hello{Version: handoff.Version, Container: l.opts.Container, Attempt: l.attempt, Token: token},
		lend:  l.opts.Lend,
		log:   l.log,
		lost:  time.Now(),
	}
	ctx, cancel := context.WithCancel(ctx)
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		l.link.keep(ctx)
	}()
	return func() {
		cancel()
		select {
		case <-ended:
		case <-time.After(disconnectGrace):
		}
	}, nil
}

// keep connects and serves until ctx ends.
func (k *link) keep(ctx context.Context) {
	for ctx.Err() == nil {
		conn, err := k.dial(ctx)
		if err != nil {
			return // ctx ended
		}
		k.setConnected(true)
		k.log.Debug("The sidecar is there.")
		err = k.use(ctx, conn)
		k.setConnected(false)
		k.log.Info("The sidecar has closed the connection.", "error", err)
		select {
		case <-ctx.Done():
		case <-time.After(reconnectPause):
		}
	}
}

// dial waits for a sidecar and connects to it. Its error is the cause of ctx's end.
func (k *link) dial(ctx context.Context) (*handoff.Conn, error) {
	var conn *handoff.Conn
	told := false
	err := handoff.Watch(ctx, k.dir, k.dir.Socket(), func() (bool, error) {
		var err error
		conn, err = handoff.Dial(k.dir)
		if err != nil && !told && !errors.Is(err, fs.ErrNotExist) && !errors.Is(err, unix.ECONNREFUSED) {
			told = true
			k.log.Warn("The sidecar cannot be reached, trying again.", "error", err)
		}
		return err == nil, nil
	})
	return conn, err
}

// use says hello and serves until the connection or ctx ends.
func (k *link) use(ctx context.Context, conn *handoff.Conn) error {
	stop := context.AfterFunc(ctx, func() { conn.Close() }) //nolint:errcheck // wakes who receives
	defer stop()
	defer conn.Close() //nolint:errcheck // whatever matters was answered
	if err := conn.Send(k.hello); err != nil {
		return err
	}
	return Serve(conn, k.lend, k.log)
}

func (k *link) setConnected(yes bool) {
	k.mu.Lock()
	defer k.mu.Unlock()
	k.lost = time.Time{}
	if !yes {
		k.lost = time.Now()
	}
}

// goneFor returns how long there has been no connection; 0 when there is one.
func (k *link) goneFor() time.Duration {
	k.mu.Lock()
	defer k.mu.Unlock()
	if k.lost.IsZero() {
		return 0
	}
	return time.Since(k.lost)
}
