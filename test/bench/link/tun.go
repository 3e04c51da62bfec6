package link

import (
	"fmt"
	"net/netip"
	"os"

	"golang.org/x/sys/unix"
)

// mtu of the devices, in bytes. That of jumbo frames keeps the cost of a packet in user space small.
const mtu = 9000

// open makes a TUN device in the namespace, with an address in a network of 24 bits.
func (n *Namespace) open(addr netip.Addr) (tun *os.File, err error) {
	n.do(func() { tun, err = openTUN(addr) })
	if err != nil {
		return nil, fmt.Errorf("making a TUN device: %w", err)
	}
	return tun, nil
}

func openTUN(addr netip.Addr) (*os.File, error) {
	fd, err := unix.Open("/dev/net/tun", unix.O_RDWR|unix.O_CLOEXEC|unix.O_NONBLOCK, 0)
	if err != nil {
		return nil, err
	}
	if err := setUp(fd, addr); err != nil {
		_ = unix.Close(fd) // the cause matters more
		return nil, err
	}
	return os.NewFile(uintptr(fd), "/dev/net/tun"), nil // pollable, since it does not block
}

// setUp makes the device of a descriptor and brings it up, with the ioctls of netdevice(7).
func setUp(fd int, addr netip.Addr) error {
	const name = "link0"
	request, err := unix.NewIfreq(name)
	if err != nil {
		return err
	}
	request.SetUint16(unix.IFF_TUN | unix.IFF_NO_PI)
	if err := unix.IoctlIfreq(fd, unix.TUNSETIFF, request); err != nil {
		return fmt.Errorf("TUNSETIFF: %w", err)
	}
	control, err := unix.Socket(unix.AF_INET, unix.SOCK_DGRAM|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		return err
	}
	defer unix.Close(control) //nolint:errcheck // nothing was written
	for _, step := range []struct {
		name string
		call uint
		set  func(*unix.Ifreq) error
	}{
		{"SIOCSIFADDR", unix.SIOCSIFADDR, func(r *unix.Ifreq) error { return r.SetInet4Addr(addr.AsSlice()) }},
		{"SIOCSIFNETMASK", unix.SIOCSIFNETMASK, func(r *unix.Ifreq) error { return r.SetInet4Addr([]byte{255, 255, 255, 0}) }},
		{"SIOCSIFMTU", unix.SIOCSIFMTU, func(r *unix.Ifreq) error { r.SetUint32(mtu); return nil }},
		{"SIOCSIFTXQLEN", unix.SIOCSIFTXQLEN, func(r *unix.Ifreq) error { r.SetUint32(backlog); return nil }},
		{"SIOCSIFFLAGS", unix.SIOCSIFFLAGS, func(r *unix.Ifreq) error { r.SetUint16(unix.IFF_UP | unix.IFF_RUNNING); return nil }},
	} {
		request, err := unix.NewIfreq(name)
		if err != nil {
			return err
		}
		if err := step.set(request); err != nil {
			return err
		}
		if err := unix.IoctlIfreq(control, step.call, request); err != nil {
			return fmt.Errorf("%s: %w", step.name, err)
		}
	}
	return nil
}

// backlog is how many packets the kernel keeps for this process to read, so that it may come late for some milliseconds.
const backlog = 4096
