package artifact

import (
	"archive/tar"
	"errors"
	"fmt"
	"hash"
	"io"
	"time"

	"github.com/opencontainers/go-digest"

	"github.com/converged-computing/oras-operator/pkg/tree"
)

// PackWriter writes a pack. The same entries give the same bytes.
type PackWriter struct {
	out   counter // between tar and zip
	tar   *tar.Writer
	zip   *sampler
	files map[tree.Path]tree.Entry // so far, for the hard links to them
}

// Placement says where a file's content is in a pack, and what it is.
type Placement struct {
	Digest digest.Digest
	Offset int64 // in the uncompressed tar
}

// NewPackWriter writes a pack to w. A part of it waits in memory, up to 1 MiB, until it is known whether to compress it.
func NewPackWriter(w io.Writer, c Compression) *PackWriter {
	p := &PackWriter{zip: &sampler{compression: c, to: w}, files: map[tree.Path]tree.Entry{}}
	p.out.w = p.zip
	p.tar = tar.NewWriter(&p.out)
	return p
}

// Add appends an entry. For a file, content gives exactly e.Size bytes; fewer are io.ErrUnexpectedEOF, more an error too.
// For all else content is not read.
func (p *PackWriter) Add(e tree.Entry, content io.Reader) (Placement, error) {
	if e.Type == tree.Hardlink { // stock clients give its time to the file
		e.Mode, e.ModTime = p.files[e.Link].Mode, p.files[e.Link].ModTime
	}
	if err := p.tar.WriteHeader(header(e)); err != nil {
		return Placement{}, fmt.Errorf("packing %s: %w", e.Path, err)
	}
	if e.Type != tree.File {
		return Placement{}, nil
	}
	p.files[e.Path] = e
	offset, sum := p.out.n, digest.Canonical.Digester()
	n, err := io.Copy(&packed{p, sum.Hash()}, content)
	if err == nil && n < e.Size {
		err = io.ErrUnexpectedEOF
	}
	if err != nil {
		return Placement{}, fmt.Errorf("packing %s: %w", e.Path, err)
	}
	return Placement{Digest: sum.Digest(), Offset: offset}, nil
}

// Close ends the pack. It does not close the writer below.
func (p *PackWriter) Close() error { return errors.Join(p.tar.Close(), p.zip.Close()) }

// packed takes the content of a file.
type packed struct {
	pack *PackWriter
	sum  hash.Hash
}

func (c *packed) Write(b []byte) (int, error) {
	c.pack.zip.see(b)
	_, _ = c.sum.Write(b) // a hash takes everything
	return c.pack.tar.Write(b)
}

func header(e tree.Entry) *tar.Header {
	h := &tar.Header{
		Name:    string(e.Path),
		Mode:    int64(e.Mode & 0o777),
		ModTime: floor(e.ModTime),
	}
	switch e.Type {
	case tree.Dir:
		h.Typeflag, h.Name, h.Mode = tar.TypeDir, h.Name+"/", h.Mode|0o700
	case tree.Symlink:
		h.Typeflag, h.Linkname, h.Mode = tar.TypeSymlink, string(e.Link), 0o777
	case tree.Hardlink:
		h.Typeflag, h.Linkname = tar.TypeLink, string(e.Link)
	default:
		h.Typeflag, h.Size = tar.TypeReg, e.Size
	}
	return h
}

// floor rounds a time down to whole seconds; archive/tar would round it to the nearest.
func floor(t time.Time) time.Time {
	if t.IsZero() {
		return time.Unix(0, 0)
	}
	return time.Unix(t.Unix(), 0)
}

// counter counts what passes.
type counter struct {
	w io.Writer
	n int64
}

func (c *counter) Write(b []byte) (int, error) {
	n, err := c.w.Write(b)
	c.n += int64(n)
	return n, err
}
