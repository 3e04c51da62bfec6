package transfer

import (
	"errors"
	"io"

	"github.com/opencontainers/go-digest"
)

// fileFeed is a file, read while it is sent. Unless its digest is known each byte is hashed when it is read for the first
// time, so that the file is read once. A file that is shorter than it was is [ErrChanged].
type fileFeed struct {
	file   io.ReaderAt
	size   int64
	at     int64 // where the next part starts
	tally  *tally
	known  digest.Digest
	sum    digest.Digester
	hashed int64 // bytes that sum has
}

func newFileFeed(file io.ReaderAt, size int64, known digest.Digest, t *tally) *fileFeed {
	return &fileFeed{file: file, size: size, tally: t, known: known, sum: digest.Canonical.Digester()}
}

func (c *fileFeed) digest() digest.Digest {
	if c.known != "" {
		return c.known
	}
	return c.sum.Digest()
}

func (c *fileFeed) next() (part, error) {
	at := c.at
	c.at += min(partSize, c.size-at)
	end := c.at
	return part{at: at, size: end - at, open: func(from int64) io.ReadCloser { return c.open(from, end) }}, nil
}

func (c *fileFeed) whole() io.ReadCloser { return c.open(0, c.size) }
func (c *fileFeed) rewind()              { c.at = 0 }
func (c *fileFeed) close()               {}

// open reads from one offset to another.
func (c *fileFeed) open(from, to int64) io.ReadCloser {
	return io.NopCloser(&fileReader{fileFeed: c, at: from, end: to})
}

// errUnsent means that a registry says to have bytes of a file that it was never sent.
var errUnsent = errors.New("the registry claims to have what it was not sent")

// fileReader reads a span of a file once.
type fileReader struct {
	*fileFeed
	at, end int64
}

func (r *fileReader) Read(p []byte) (int, error) {
	switch {
	case r.at == r.end:
		return 0, io.EOF
	case r.at > r.hashed && r.known == "":
		return 0, errUnsent
	}
	n, err := r.file.ReadAt(p[:min(int64(len(p)), r.end-r.at)], r.at)
	if n == 0 {
		if err == nil || errors.Is(err, io.EOF) {
			err = ErrChanged
		}
		return 0, onTree(err)
	}
	if fresh := r.at + int64(n) - r.hashed; fresh > 0 && r.known == "" {
		_, _ = r.sum.Hash().Write(p[int64(n)-fresh : n]) // a hash takes everything
		r.hashed += fresh
	}
	r.at += int64(n)
	r.tally.to(r.at)
	return n, nil
}
