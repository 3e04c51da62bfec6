package transfer

import (
	"io"
	"sync/atomic"
)

// Counters count what operations have done. They may be read at any time while operations run, and shared by several, for
// a total. A nil *Counters counts nothing.
type Counters struct {
	Bytes      atomic.Int64 // of content that is done; it goes back when content has to be sent again
	TotalBytes atomic.Int64 // of content; grows when an operation knows what it has to do
	Files      atomic.Int64
	TotalFiles atomic.Int64
	Wire       atomic.Int64 // bytes of blobs sent or received, counting what was sent again
	Retries    atomic.Int64
	Work       atomic.Int64 // bytes hashed, sent or received: it grows as long as anything gets on
}

func (c *Counters) expect(bytes int64, files int) {
	if c != nil {
		c.TotalBytes.Add(bytes)
		c.TotalFiles.Add(int64(files))
	}
}

func (c *Counters) done(bytes int64, files int) {
	if c != nil {
		c.Bytes.Add(bytes)
		c.Files.Add(int64(files))
	}
}

func (c *Counters) moved(bytes int) {
	if c != nil {
		c.Wire.Add(int64(bytes))
		c.Work.Add(int64(bytes))
	}
}

func (c *Counters) retried() {
	if c != nil {
		c.Retries.Add(1)
	}
}

// hashed counts what is read from r.
func (c *Counters) hashed(r io.Reader) io.Reader { return &hashedReader{c, r} }

type hashedReader struct {
	counters *Counters
	r        io.Reader
}

func (h *hashedReader) Read(b []byte) (int, error) {
	n, err := h.r.Read(b)
	if h.counters != nil {
		h.counters.Work.Add(int64(n))
	}
	return n, err
}

// tally counts the content of one file while it is read to be sent, and takes back what has to be read again.
type tally struct {
	counters *Counters
	n        atomic.Int64
}

// to notes that so many bytes of the file have been read.
func (t *tally) to(n int64) { t.counters.done(n-t.n.Swap(n), 0) }

// finish counts the file as done, whatever of it had to be read.
func (t *tally) finish(size int64) { t.counters.done(size-t.n.Swap(0), 1) }

// read counts what is read from r.
func (t *tally) read(r io.Reader) io.Reader { return &tallyReader{t, r} }

type tallyReader struct {
	tally *tally
	r     io.Reader
}

func (r *tallyReader) Read(b []byte) (int, error) {
	n, err := r.r.Read(b)
	r.tally.n.Add(int64(n))
	r.tally.counters.done(int64(n), 0)
	return n, err
}
