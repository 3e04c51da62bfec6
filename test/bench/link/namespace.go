package link

import (
	"context"
	"fmt"
	"net"
	"os/exec"
	"runtime"

	"golang.org/x/sys/unix"
)

// Namespace is a network namespace. It lives on a thread of its own.
type Namespace struct {
	work chan func()
}

// newNamespace makes one with nothing in it.
func newNamespace() (*Namespace, error) {
	n := &Namespace{work: make(chan func())}
	made := make(chan error)
	go func() {
		runtime.LockOSThread() // for good: the thread ends with this function, and is never used for anything else
		err := unix.Unshare(unix.CLONE_NEWNET)
		made <- err
		if err != nil {
			return
		}
		for f := range n.work {
			f()
		}
	}()
	if err := <-made; err != nil {
		return nil, fmt.Errorf("making a network namespace: %w", err)
	}
	return n, nil
}

// do runs a function in the namespace, one at a time. Goroutines that it starts are not in it.
func (n *Namespace) do(f func()) {
	done := make(chan struct{})
	n.work <- func() {
		defer close(done)
		f()
	}
	<-done
}

// Start starts a command in the namespace.
func (n *Namespace) Start(cmd *exec.Cmd) (err error) {
	n.do(func() { err = cmd.Start() })
	return err
}

// Dial connects from within the namespace to an IP address and port.
func (n *Namespace) Dial(ctx context.Context, network, addr string) (conn net.Conn, err error) {
	n.do(func() { conn, err = (&net.Dialer{}).DialContext(ctx, network, addr) })
	return conn, err
}

// Listen listens in the namespace on an IP address and port.
func (n *Namespace) Listen(network, addr string) (l net.Listener, err error) {
	n.do(func() { l, err = net.Listen(network, addr) })
	return l, err
}

// close lets the namespace go when nothing uses it any more.
func (n *Namespace) close() { close(n.work) }
