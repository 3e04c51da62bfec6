package transfer

import (
	"errors"
	"io"
	"io/fs"
	"sync"

	"github.com/opencontainers/go-digest"
)

// fileFeed is a blob that is a file, read while it is sent. Unless its digest is known each byte is hashed when it is
// read for the first time, so that the file is read once. A file that is shorter than it was is [ErrChanged].
type fileFeed struct {
	file  io.ReaderAt
	size  int64
	at    int64 // where the next part starts
	tally *tally

	mu     sync.Mutex // since what has sent a part may still read from it when the next attempt begins
	known  digest.Digest
	sum    digest.Digester
	hashed int64     // bytes that sum has
	body   *fileBody // the only one that may still read
}

func newFileFeed(file io.ReaderAt, size int64, known digest.Digest, t *tally) *fileFeed {
	return &fileFeed{file: file, size: size, tally: t, known: known, sum: digest.Canonical.Digester()}
}

// digest is right once all parts have been read.
func (c *fileFeed) digest() digest.Digest {
	if c.known != "" {
		return c.known
	}
	c.mu.Lock()
	defer c.mu.Unlock()
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

// open reads from one offset to another. It ends the readers that were opened before.
func (c *fileFeed) open(from, to int64) io.ReadCloser {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.tally.to(from)
	c.body = &fileBody{content: c, at: from, end: to}
	return c.body
}

// fileBody reads a span of a file once.
type fileBody struct {
	content *fileFeed
	at, end int64
}

var errSuperseded = errors.New("another attempt reads this now")

func (b *fileBody) Read(p []byte) (int, error) {
	c := b.content
	c.mu.Lock()
	defer c.mu.Unlock()
	switch {
	case c.body != b:
		return 0, errSuperseded
	case b.at == b.end:
		return 0, io.EOF
	}
	n, err := c.file.ReadAt(p[:min(int64(len(p)), b.end-b.at)], b.at)
	if n == 0 {
		if err == nil || errors.Is(err, io.EOF) {
			err = ErrChanged
		}
		return 0, onTree(err)
	}
	if fresh := b.at + int64(n) - c.hashed; fresh > 0 && c.known == "" {
		_, _ = c.sum.Hash().Write(p[int64(n)-fresh : n]) // a hash takes everything
		c.hashed += fresh
	}
	b.at += int64(n)
	c.tally.to(b.at)
	return n, nil
}

// Close ends the reading, also one that is under way.
func (b *fileBody) Close() error {
	b.content.mu.Lock()
	defer b.content.mu.Unlock()
	if b.content.body != b {
		return fs.ErrClosed
	}
	b.content.body = nil
	return nil
}
