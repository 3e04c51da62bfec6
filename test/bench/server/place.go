package server

import (
	"context"
	"net"
	"os/exec"
)

// Place is where a registry runs.
type Place struct {
	Start func(*exec.Cmd) error
	Dial  func(ctx context.Context, network, addr string) (net.Conn, error) // from where the clients run
	Addr  func() (string, error)                                            // host:port for a registry to listen on
}

// Loopback is this machine.
func Loopback() Place {
	return Place{Start: (*exec.Cmd).Start, Dial: (&net.Dialer{}).DialContext, Addr: freePort}
}

// freePort is an address that nobody listens on.
func freePort() (string, error) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return "", err
	}
	return l.Addr().String(), l.Close()
}
