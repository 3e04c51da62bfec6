package handoff

import (
	"errors"
	"fmt"
	"io"

	"golang.org/x/sys/unix"
)

// SendBytes sends at most MaxMessage bytes as they are, for a receiver who was told how many come.
func (c *Conn) SendBytes(data []byte) error {
	if len(data) > MaxMessage {
		return fmt.Errorf("sending %d bytes: the bound is %d", len(data), MaxMessage)
	}
	return c.send(data, nil)
}

// ReceiveBytes waits for as many bytes as data takes, at most MaxMessage. When the other side is gone it returns io.EOF.
func (c *Conn) ReceiveBytes(data []byte) error {
	var n, flags int
	err := c.read(func(fd int) (err error) {
		n, _, flags, _, err = unix.Recvmsg(fd, data, nil, 0)
		return err
	})
	switch {
	case errors.Is(err, unix.ECONNRESET):
		return io.EOF
	case err != nil:
		return fmt.Errorf("receiving bytes: %w", err)
	case n == 0:
		return io.EOF
	case flags&unix.MSG_TRUNC != 0 || n < len(data):
		return fmt.Errorf("receiving bytes: not the %d that were announced", len(data))
	}
	return nil
}
