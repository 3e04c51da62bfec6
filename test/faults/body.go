package faults

import (
	"errors"
	"fmt"
	"hash"
	"io"
	"time"
)

// throttleSlice is the share of a second's bytes that a throttled body passes at once.
const throttleSlice = 20

// countedBody tells how many bytes are read.
type countedBody struct {
	io.Reader
	count func(n int)
}

func (b *countedBody) Read(buf []byte) (int, error) {
	n, err := b.Reader.Read(buf)
	b.count(n)
	return n, err
}

// summedBody tells the digest of what is read, once all of it is.
type summedBody struct {
	io.ReadCloser
	hash hash.Hash // SHA-256
	left int64     // bytes to come; negative: nobody knows how many
	tell func(digest string)
}

func (b *summedBody) Read(buf []byte) (int, error) {
	n, err := b.ReadCloser.Read(buf)
	_, _ = b.hash.Write(buf[:n]) // a hash takes everything
	if b.left -= int64(n); b.left == 0 || errors.Is(err, io.EOF) {
		b.tell(fmt.Sprintf("sha256:%x", b.hash.Sum(nil)))
	}
	return n, err
}

// faultyBody passes a body on up to the rule's point, and from there with what the rule does to it.
type faultyBody struct {
	io.ReadCloser
	*passage
	offset int64
}

func (b *faultyBody) Read(buf []byte) (int, error) {
	if left := b.rule.After - b.offset; left > 0 {
		n, err := b.ReadCloser.Read(buf[:min(int64(len(buf)), left)])
		b.offset += int64(n)
		return n, err
	}
	switch b.rule.Do {
	case Corrupt:
		return b.corrupt(buf)
	case Throttle:
		return b.throttle(buf)
	case Truncate:
		b.fire()
		return 0, io.EOF
	}
	if !b.struck || b.rule.PerRead {
		if err := b.strike(); err != nil {
			return 0, err
		}
	}
	return b.ReadCloser.Read(buf)
}

// corrupt changes one bit of the first byte after the point.
func (b *faultyBody) corrupt(buf []byte) (int, error) {
	n, err := b.ReadCloser.Read(buf)
	if n > 0 && !b.struck {
		b.fire()
		buf[0] ^= 1
	}
	return n, err
}

// throttle lets a little pass and then as much time as that may take.
func (b *faultyBody) throttle(buf []byte) (int, error) {
	b.fire()
	n, err := b.ReadCloser.Read(buf[:min(int64(len(buf)), max(1, b.rule.Rate/throttleSlice))])
	if err == nil {
		err = b.pause(time.Duration(n) * time.Second / time.Duration(b.rule.Rate))
	}
	return n, err
}
