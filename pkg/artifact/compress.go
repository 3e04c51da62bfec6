package artifact

import (
	"fmt"
	"io"
	"time"

	"github.com/klauspost/compress"
	"github.com/klauspost/compress/gzip"
)

// Compression says how packs are compressed.
type Compression string

// The choices of compression. The empty string is Auto.
const (
	Auto Compression = "auto" // fast, and stored where it would not shrink
	None Compression = "none" // stored: a gzip container of plain blocks, since stock clients want gzip
	Gzip Compression = "gzip" // the usual level of gzip, for large files too
)

// ParseCompression reads the value of a key or flag.
func ParseCompression(s string) (Compression, error) {
	switch c := Compression(s); c {
	case "":
		return Auto, nil
	case Auto, None, Gzip:
		return c, nil
	}
	return "", fmt.Errorf("compression %q is none of auto, none, gzip", s)
}

// compressible is the estimate above which compressing is worth the time. The documentation of compress.Estimate calls
// values above 0.1 likely compressible.
const compressible = 0.1

// Level returns the gzip level for content that begins like sample.
func (c Compression) Level(sample []byte) int {
	switch {
	case c == None:
		return gzip.NoCompression
	case c == Gzip:
		return gzip.DefaultCompression
	case len(sample) > 0 && compress.Estimate(sample) < compressible:
		return gzip.NoCompression
	}
	return gzip.BestSpeed
}

// NewGzip returns a writer that compresses to w at a level of [Compression.Level]. The same input gives the same bytes:
// the header has neither name nor time. The caller closes it.
func NewGzip(w io.Writer, level int) (*gzip.Writer, error) {
	z, err := gzip.NewWriterLevel(w, level)
	if err != nil {
		return nil, err
	}
	z.ModTime = time.Unix(0, 0) // which is "no time" in the header; the library writes other bytes for the zero time
	return z, nil
}
