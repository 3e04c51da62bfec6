package link

import (
	"errors"
	"io"
	"net/netip"
	"os"
	"sync"
	"time"
)

// Options say what a link is like. Both ways are alike and do not slow each other down.
type Options struct {
	Rate  float64       // bits a second, of IP packets
	Delay time.Duration // one way
	Queue int           // bytes that may wait for each way; more are dropped
}

// Link is a network of two ends.
type Link struct {
	Client, Server         *Namespace
	ClientAddr, ServerAddr netip.Addr

	tuns  []*os.File
	ways  sync.WaitGroup
	close sync.Once
}

// New makes a link and the namespaces at its ends.
func New(opts Options) (_ *Link, err error) {
	l := &Link{ClientAddr: netip.AddrFrom4([4]byte{10, 77, 0, 1}), ServerAddr: netip.AddrFrom4([4]byte{10, 77, 0, 2})}
	defer func() {
		if err != nil {
			l.Close()
		}
	}()
	if l.Client, err = newNamespace(); err != nil {
		return nil, err
	}
	if l.Server, err = newNamespace(); err != nil {
		return nil, err
	}
	client, err := l.Client.open(l.ClientAddr)
	if err != nil {
		return nil, err
	}
	l.tuns = append(l.tuns, client)
	server, err := l.Server.open(l.ServerAddr)
	if err != nil {
		return nil, err
	}
	l.tuns = append(l.tuns, server)
	for _, ends := range [][2]*os.File{{client, server}, {server, client}} {
		l.ways.Go(func() { carry(ends[0], ends[1], opts) })
	}
	return l, nil
}

// Close takes the link down. What runs in the namespaces goes on there without one.
func (l *Link) Close() {
	l.close.Do(func() {
		for _, tun := range l.tuns {
			_ = tun.Close() // it holds nothing
		}
		l.ways.Wait()
		for _, n := range []*Namespace{l.Client, l.Server} {
			if n != nil {
				n.close()
			}
		}
	})
}

// packet is one on its way.
type packet struct {
	data    []byte
	arrives time.Time
}

// carry takes packets from one end to the other until one of them is closed.
func carry(from io.Reader, to io.Writer, opts Options) {
	s := shaper{rate: opts.Rate / 8, delay: opts.Delay, bound: opts.Queue}
	// As many as can wait or be under way if they are large. Small ones fill it sooner, and the kernel keeps the rest.
	way := make(chan packet, 64+(opts.Queue+int(s.rate*opts.Delay.Seconds()))/512)
	buffers := sync.Pool{New: func() any { b := make([]byte, mtu); return &b }}
	var delivery sync.WaitGroup
	delivery.Go(func() {
		for p := range way {
			time.Sleep(time.Until(p.arrives))
			_, _ = to.Write(p.data) // what the other end does not take is lost, as on any network
			full := p.data[:cap(p.data)]
			buffers.Put(&full)
		}
	})
	defer delivery.Wait()
	defer close(way)
	for {
		buffer, _ := buffers.Get().(*[]byte)
		n, err := from.Read(*buffer)
		if err != nil && !errors.Is(err, io.ErrShortBuffer) {
			return
		}
		arrives, ok := s.admit(time.Now(), n)
		if !ok {
			buffers.Put(buffer)
			continue
		}
		way <- packet{(*buffer)[:n], arrives}
	}
}
