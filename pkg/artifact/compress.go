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

// Level returns the gzip level for files whose contents are like sample.
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

// sampleSize is how much of the files in a pack is looked at to tell whether compressing is worth it, in bytes.
const sampleSize = 256 << 10

// sampler compresses what is written to it, at the level that the first contents are worth. What it was told to judge by
// has to be in memory until then.
type sampler struct {
	compression Compression
	to          io.Writer
	sample      []byte // contents of files
	waiting     []byte // written before there was enough of them
	zip         *gzip.Writer
}

// see takes contents of a file. They are to be written as well.
func (s *sampler) see(content []byte) {
	if s.zip == nil {
		s.sample = append(s.sample, content[:min(len(content), sampleSize-len(s.sample))]...)
	}
}

func (s *sampler) Write(b []byte) (int, error) {
	if s.zip == nil {
		s.waiting = append(s.waiting, b...)
		if len(s.sample) < sampleSize && len(s.waiting) < maxWaiting {
			return len(b), nil
		}
		return len(b), s.begin()
	}
	return s.zip.Write(b)
}

// maxWaiting bounds what waits for contents to come, in bytes: there may be headers only.
const maxWaiting = 4 * sampleSize

// begin writes what has waited.
func (s *sampler) begin() error {
	judged := s.sample
	if len(judged) < len(s.waiting)/2 {
		judged = s.waiting // most of it are headers, which always shrink
	}
	var err error
	if s.zip, err = NewGzip(s.to, s.compression.Level(judged)); err != nil {
		return err
	}
	_, err = s.zip.Write(s.waiting)
	s.sample, s.waiting = nil, nil
	return err
}

func (s *sampler) Close() error {
	if s.zip == nil {
		if err := s.begin(); err != nil {
			return err
		}
	}
	return s.zip.Close()
}
