package imageconfig

import (
	"net"
	"net/netip"
	"strings"
	"syscall"
)

// addresses says at which addresses registries may be. Private ones are among them: most clusters have a registry inside.
type addresses struct{ loopback bool }

// control is that of a [net.Dialer]. It sees what names stand for, for redirects too.
func (a addresses) control(_, address string, _ syscall.RawConn) error {
	at, err := netip.ParseAddrPort(address)
	if err != nil {
		return faulty(ErrAddress, "none that is known")
	}
	return a.check(at.Addr())
}

func (a addresses) check(ip netip.Addr) error {
	ip = inner(ip)
	kind := ""
	switch {
	case ip.IsLoopback():
		if a.loopback {
			return nil
		}
		kind = "loopback"
	case ip.IsLinkLocalUnicast():
		kind = "link-local"
	case ip.IsUnspecified() || ip.Is4() && ip.As4()[0] == 0:
		kind = "unspecified"
	case ip.IsMulticast() || ip == netip.AddrFrom4([4]byte{255, 255, 255, 255}):
		kind = "multicast"
	case isMetadata(ip):
		kind = "a cloud's metadata service"
	default:
		return nil
	}
	return faulty(ErrAddress, "%s", kind)
}

// checkHost is for what a proxy dials: the host of a URL, of which only the proxy knows what it stands for if it is a name.
func (a addresses) checkHost(host string) error {
	if ip, err := netip.ParseAddr(host); err == nil {
		return a.check(ip)
	}
	last := host[strings.LastIndex(host, ".")+1:]
	if last != "" && strings.Trim(last, "0123456789") == "" || strings.HasPrefix(strings.ToLower(last), "0x") {
		return faulty(ErrAddress, "an odd form of one") // such as 0x7f.1, which some take for 127.0.0.1
	}
	if a.loopback || !strings.EqualFold(last, "localhost") {
		return nil
	}
	return faulty(ErrAddress, "loopback")
}

// inner is the IPv4 address in one of IPv6 that stands for it: mapped, or translated by NAT64 (RFC 6052).
func inner(ip netip.Addr) netip.Addr {
	ip = ip.Unmap().WithZone("")
	if nat64 := netip.MustParsePrefix("64:ff9b::/96"); nat64.Contains(ip) {
		bytes := ip.As16()
		return netip.AddrFrom4([4]byte(bytes[12:]))
	}
	return ip
}

// isMetadata tells whether a cloud serves its virtual machines' credentials there, apart from 169.254.169.254.
func isMetadata(ip netip.Addr) bool {
	switch ip.String() {
	case "fd00:ec2::254", // Amazon
		"fd20:ce::254",    // Google
		"168.63.129.16",   // Azure
		"100.100.100.200", // Alibaba
		"192.0.0.192":     // Oracle
		return true
	}
	return false
}

// dialer connects to registries that need no proxy.
func (a addresses) dialer() *net.Dialer { return &net.Dialer{Control: a.control} }
