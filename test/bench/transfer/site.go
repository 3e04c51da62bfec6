package main

import (
	"context"
	"net"
	"net/netip"
	"os/exec"

	"github.com/converged-computing/oras-operator/test/bench/link"
)

// starter starts a command somewhere.
type starter func(*exec.Cmd) error

// site is where clients and registry run.
type site struct {
	client, registry starter
	dial             func(ctx context.Context, network, addr string) (net.Conn, error) // from where the clients run
	addr             func() (string, error)                                            // host:port for a registry to listen on
	plainHTTP        bool                                                              // our client would not guess it
}

// loopback is this machine.
func loopback() site {
	return site{
		client: (*exec.Cmd).Start, registry: (*exec.Cmd).Start,
		dial: (&net.Dialer{}).DialContext, addr: freePort,
	}
}

// over has the clients at one end of a link and the registry at the other.
func over(l *link.Link) site {
	const port = 5000
	return site{
		client: l.Client.Start, registry: l.Server.Start, dial: l.Client.Dial, plainHTTP: true,
		addr: func() (string, error) { return netip.AddrPortFrom(l.ServerAddr, port).String(), nil },
	}
}

// freePort is an address that nobody listens on.
func freePort() (string, error) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return "", err
	}
	return l.Addr().String(), l.Close()
}
