package link

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/netip"
	"slices"
	"time"
)

// Probe is what a link was measured to be.
type Probe struct {
	RoundTrip time.Duration // of one byte there and back, the median
	Up, Down  float64       // bits a second of payload in one TCP connection, from the client and to it
}

// transferred is how many bytes a rate is measured with.
const transferred = 250_000_000

func (p Probe) String() string {
	return fmt.Sprintf("%.1f ms for a byte there and back; %d MB in one TCP connection at %.0f Mbit/s up, %.0f Mbit/s down",
		float64(p.RoundTrip.Microseconds())/1000, transferred/1_000_000, p.Up/1e6, p.Down/1e6)
}

// Measure measures the link with plain TCP.
func (l *Link) Measure(ctx context.Context) (Probe, error) {
	var p Probe
	listener, err := l.Server.Listen("tcp", netip.AddrPortFrom(l.ServerAddr, 7).String())
	if err != nil {
		return p, err
	}
	defer listener.Close() //nolint:errcheck // it only listens
	go answer(listener)
	dial := func() (net.Conn, error) {
		conn, err := l.Client.Dial(ctx, "tcp", listener.Addr().String())
		if err == nil {
			err = conn.SetDeadline(time.Now().Add(time.Minute))
		}
		return conn, err
	}
	for _, step := range []struct {
		name string
		run  func(net.Conn) error
	}{
		{"measuring the round trip", func(c net.Conn) (err error) { p.RoundTrip, err = roundTrip(c); return err }},
		{"sending", func(c net.Conn) (err error) { p.Up, err = bulk(c, 'u'); return err }},
		{"receiving", func(c net.Conn) (err error) { p.Down, err = bulk(c, 'd'); return err }},
	} {
		conn, err := dial()
		if err == nil {
			err = errors.Join(step.run(conn), conn.Close())
		}
		if err != nil {
			return p, fmt.Errorf("%s: %w", step.name, err)
		}
	}
	return p, nil
}

// roundTrip sends a byte and waits until it comes back, some times.
func roundTrip(c net.Conn) (time.Duration, error) {
	var times []time.Duration
	one := []byte{'e'}
	for range 20 {
		began := time.Now()
		if _, err := c.Write(one); err != nil {
			return 0, err
		}
		if _, err := io.ReadFull(c, one); err != nil {
			return 0, err
		}
		times = append(times, time.Since(began))
	}
	slices.Sort(times)
	return times[len(times)/2], nil
}

// bulk moves bytes one way and returns the rate, in bits a second, from the request to the last byte.
func bulk(c net.Conn, way byte) (float64, error) {
	began := time.Now()
	if _, err := c.Write([]byte{way}); err != nil {
		return 0, err
	}
	var err error
	if way == 'u' {
		if _, err = io.CopyN(c, zeros{}, transferred); err == nil {
			_, err = io.ReadFull(c, make([]byte, 1)) // all has arrived
		}
	} else {
		_, err = io.CopyN(io.Discard, c, transferred)
	}
	return float64(transferred*8) / time.Since(began).Seconds(), err
}

// answer is the other end of a measurement: the first byte of a connection says what is wanted.
func answer(l net.Listener) {
	for {
		conn, err := l.Accept()
		if err != nil {
			return
		}
		go func() {
			defer conn.Close() //nolint:errcheck // the client sees what goes wrong
			wanted := make([]byte, 1)
			for {
				if _, err := io.ReadFull(conn, wanted); err != nil {
					return
				}
				switch wanted[0] {
				case 'u':
					_, _ = io.CopyN(io.Discard, conn, transferred)
				case 'd':
					_, _ = io.CopyN(conn, zeros{}, transferred)
					return
				}
				_, _ = conn.Write(wanted)
			}
		}()
	}
}

// zeros are bytes to send.
type zeros struct{}

func (zeros) Read(b []byte) (int, error) {
	clear(b)
	return len(b), nil
}
