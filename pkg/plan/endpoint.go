package plan

import (
	"net"
	"net/netip"
	"slices"
	"strings"

	"github.com/converged-computing/oras-operator/pkg/apis/v1alpha1"
)

// Endpoint is a registry, how to speak to it, and how it lets steps in.
type Endpoint struct {
	Host        string // host[:port]
	PlainHTTP   bool   // HTTP, not HTTPS
	CAConfigMap string // name of a ConfigMap of the namespace that holds, under ca.crt, who has signed its certificate; empty: the system knows
	Audience    string // of the ServiceAccount tokens that it takes; empty: it takes none
	Login       string // name of a Secret of the namespace with the user that steps are, and its password; empty: it asks for none
}

// OfCache is the registry of an OrasCache, which may not be there yet.
func OfCache(c *v1alpha1.OrasCache) Endpoint {
	return Endpoint{
		Host:        c.Endpoint(),
		PlainHTTP:   !c.UsesTLS(),
		CAConfigMap: c.CASource(),
		Audience:    c.TokenAudience(),
		Login:       c.CredentialsSource(),
	}
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
