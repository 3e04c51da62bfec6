package plan

import (
	"net"
	"net/netip"
	"slices"
	"strings"
)

// Endpoint is a registry and how to speak to it.
type Endpoint struct {
	Host      string // host[:port]
	PlainHTTP bool   // HTTP, not HTTPS
}

// Endpoint is the registry that the keys themselves name; false where an OrasCache has to be asked. HTTP is spoken to
// loopback addresses and to the names of Services, HTTPS to any other, unless plain-http says otherwise.
func (p Plan) Endpoint() (Endpoint, bool) {
	if p.Registry == "" {
		return Endpoint{}, false
	}
	e := Endpoint{Host: p.Registry, PlainHTTP: nearby(p.Registry)}
	if p.PlainHTTP != nil {
		e.PlainHTTP = *p.PlainHTTP
	}
	return e, true
}

// nearby tells whether host[:port] is a loopback address or the name of a Service in the cluster. A name with a single
// dot is left out: service.namespace cannot be told from a name of the internet.
func nearby(hostport string) bool {
	host, _, err := net.SplitHostPort(hostport)
	if err != nil {
		host = hostport
	}
	if addr, err := netip.ParseAddr(strings.Trim(host, "[]")); err == nil {
		return addr.IsLoopback()
	}
	labels := strings.Split(host, ".")
	isService := len(labels) > 2 && labels[2] == "svc" && slices.Contains([]string{"", "cluster.local"}, strings.Join(labels[3:], "."))
	return len(labels) == 1 || isService || labels[len(labels)-1] == "localhost"
}
