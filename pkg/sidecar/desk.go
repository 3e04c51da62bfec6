package sidecar

import (
	"context"
	"crypto/subtle"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"sync"
	"time"

	"github.com/converged-computing/oras-operator/pkg/handoff"
)

// maxStrangers bounds the connections that are not, or not yet, known to be a shim's, those of gates included: any process of
// the pod can connect.
const maxStrangers = 16

// helloTimeout bounds how long a connection may take to say whose it is.
const helloTimeout = 10 * time.Second

// errReplaced ends the attendance of a connection whose shim has connected again.
var errReplaced = errors.New("the shim has connected again")

// desk receives the shims, one at a time for each container: a new connection replaces the one before. It hears gates, too.
type desk struct {
	run        handoff.Dir
	containers []string
	hearGate   func(context.Context) (*handoff.Failure, error) // does what a gate connects for
	strangers  chan struct{}
	group      sync.WaitGroup

	mu      sync.Mutex
	current map[string]*visit
	living  map[string]int // by container: the attempt whose shim was there when it was let go
}

// visit is one connection that is attended to.
type visit struct {
	cancel context.CancelCauseFunc
	ended  chan struct{}
}

func newDesk(run handoff.Dir, containers []string, hearGate func(context.Context) (*handoff.Failure, error)) *desk {
	return &desk{
		run:        run,
		containers: containers,
		hearGate:   hearGate,
		strangers:  make(chan struct{}, maxStrangers),
		current:    map[string]*visit{},
		living:     map[string]int{},
	}
}

// wait returns when nobody is attended to.
func (d *desk) wait() { d.group.Wait() }

// attend asks the connection who it is and, in the background, calls serve for it once the connection it replaces has
// been let go. One of a gate replaces none and is not served. The connection is closed in the end.
func (d *desk) attend(ctx context.Context, conn *handoff.Conn,
	serve func(context.Context, *handoff.Conn, handoff.Hello), log *slog.Logger,
) {
	select {
	case d.strangers <- struct{}{}:
	default:
		log.Warn("Too many connections are not known to be a shim's, refusing one.")
		conn.Close() //nolint:errcheck // nothing was written
		return
	}
	d.group.Go(func() {
		defer conn.Close() //nolint:errcheck // what matters is acknowledged by a reply
		hello, err := d.greet(conn)
		if err == nil && hello.Gate {
			err = d.hear(ctx, conn)
		}
		<-d.strangers
		switch {
		case err != nil:
			log.Warn("A connection was refused.", "error", err)
			return
		case hello.Gate:
			return
		}
		ctx, cancel := context.WithCancelCause(ctx)
		defer cancel(nil)
		letGo := sync.OnceFunc(func() { d.letGo(conn, hello) })
		stop := context.AfterFunc(ctx, letGo) // which wakes who waits on it
		defer stop()
		leave := d.enter(hello.Container, cancel)
		defer leave()
		serve(ctx, conn, hello)
		if ctx.Err() != nil {
			letGo() // before anybody asks whether its shim lives
		}
	})
}

// letGo closes a connection that somebody may be waiting on, and notes whether its shim was still there.
func (d *desk) letGo(conn *handoff.Conn, hello handoff.Hello) {
	d.mu.Lock()
	delete(d.living, hello.Container)
	if !conn.HungUp() {
		d.living[hello.Container] = hello.Attempt
	}
	d.mu.Unlock()
	conn.Close() //nolint:errcheck // nothing was written
}

// lives tells whether the shim of an attempt was there when its connection was let go.
func (d *desk) lives(container string, attempt int) bool {
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.living[container] == attempt
}

// hear does what a gate connects for, and tells it so.
func (d *desk) hear(ctx context.Context, conn *handoff.Conn) error {
	failure, err := d.hearGate(ctx)
	if err != nil {
		return err
	}
	return conn.Send(handoff.Heard{Failure: failure})
}

// greet receives and checks the first message.
func (d *desk) greet(conn *handoff.Conn) (handoff.Hello, error) {
	timer := time.AfterFunc(helloTimeout, func() { conn.Close() }) //nolint:errcheck // wakes the receiver
	defer timer.Stop()
	var hello handoff.Hello
	files, err := conn.Receive(&hello)
	handoff.CloseAll(files)
	switch {
	case err != nil:
		return hello, fmt.Errorf("waiting for it to say who it is: %w", err)
	case hello.Version != handoff.Version:
		return hello, fmt.Errorf("it speaks version %d, we speak %d", hello.Version, handoff.Version)
	case hello.Gate:
	case !slices.Contains(d.containers, hello.Container):
		return hello, fmt.Errorf("it says it is container %q, which is not wrapped", hello.Container)
	case hello.Attempt < 1:
		return hello, fmt.Errorf("it says it is attempt %d of container %q", hello.Attempt, hello.Container)
	default:
		return hello, d.authenticate(hello)
	}
	return hello, nil
}

// authenticate checks that who says hello knows what only the container of that attempt can.
func (d *desk) authenticate(hello handoff.Hello) error {
	claim, err := handoff.Read[handoff.Claim](d.run.Claim(hello.Container, hello.Attempt))
	if err != nil {
		return fmt.Errorf("it says it is attempt %d of container %q: %w", hello.Attempt, hello.Container, err)
	}
	if subtle.ConstantTimeCompare([]byte(claim.Token), []byte(hello.Token)) == 0 {
		return fmt.Errorf("it says it is attempt %d of container %q and does not know its token", hello.Attempt, hello.Container)
	}
	return nil
}

// enter ends the visit of the container before this one, waits until it has, and returns how to leave.
func (d *desk) enter(container string, cancel context.CancelCauseFunc) func() {
	mine := &visit{cancel: cancel, ended: make(chan struct{})}
	d.mu.Lock()
	before := d.current[container]
	d.current[container] = mine
	d.mu.Unlock()
	if before != nil {
		before.cancel(errReplaced) // which closes its connection, so that it ends soon
		<-before.ended
	}
	return func() { close(mine.ended) }
}
