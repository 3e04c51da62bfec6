package api

import (
	"errors"
	"io"
	"net/http"
	"sync"
)

// bulkSize is how much of an upload is read, written and hashed at a time, in bytes. The library's own 32 KiB cost eight times as
// many calls of the kernel.
const bulkSize = 256 << 10

// inBulk has the body of an upload passed on in large pieces, unless it is small, and to a directory only: the library asks how much is
// written before each piece that it is given, and of what a bucket's driver has not sent on yet it would forget the hash.
func (h *handler) inBulk(req *http.Request) {
	if h.root != "" && (req.ContentLength < 0 || req.ContentLength >= bulkSize) {
		req.Body = bulk{req.Body, &h.pieces}
	}
}

// bulk is a body that is passed on in large pieces.
type bulk struct {
	io.ReadCloser
	pieces *sync.Pool // of *[bulkSize]byte
}

// WriteTo is what [io.Copy] does with a body that has it.
func (b bulk) WriteTo(w io.Writer) (n int64, err error) {
	piece, ok := b.pieces.Get().(*[bulkSize]byte)
	if !ok {
		piece = new([bulkSize]byte)
	}
	defer b.pieces.Put(piece)
	for err == nil {
		var got, written int
		got, err = b.Read(piece[:])
		if got == 0 {
			continue
		}
		var failed error
		written, failed = w.Write(piece[:got])
		n += int64(written)
		if failed != nil {
			return n, failed
		}
	}
	if errors.Is(err, io.EOF) {
		return n, nil
	}
	return n, err
}
