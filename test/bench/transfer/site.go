package main

import (
	"net/netip"
	"os/exec"

	"github.com/converged-computing/oras-operator/test/bench/link"
	"github.com/converged-computing/oras-operator/test/bench/server"
)

// starter starts a command somewhere.
type starter func(*exec.Cmd) error

// site is where clients and registry run.
type site struct {
	client    starter
	registry  server.Place
	plainHTTP bool // our client would not guess it
}

// loopback is this machine.
func loopback() site {
	return site{client: (*exec.Cmd).Start, registry: server.Loopback()}
}

// over has the clients at one end of a link and the registry at the other.
func over(l *link.Link) site {
	const port = 5000
	return site{
		client: l.Client.Start, plainHTTP: true,
		registry: server.Place{
			Start: l.Server.Start, Dial: l.Client.Dial,
			Addr: func() (string, error) { return netip.AddrPortFrom(l.ServerAddr, port).String(), nil },
		},
	}
}
