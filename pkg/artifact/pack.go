package artifact

import (
	"archive/tar"
	"fmt"
	"io"
	"time"

	"github.com/opencontainers/go-digest"

	"github.com/converged-computing/oras-operator/pkg/tree"
)

// PackWriter writes the tar of a pack, uncompressed. The same entries give the same bytes.
type PackWriter struct {
	out counter
	tar *tar.Writer
}

// Placement says where a file's content is in a pack, and what it is.
type Placement struct {
	Digest digest.Digest
	Offset int64 // in the uncompressed tar
}

// NewPackWriter writes a pack to w.
func NewPackWriter(w io.Writer) *PackWriter {
	p := &PackWriter{out: counter{w: w}}
	p.tar = tar.NewWriter(&p.out)
	return p
}

// Add appends an entry. For a file, content gives exactly e.Size bytes; fewer are io.ErrUnexpectedEOF, more an error too.
// For all else content is not read.
func (p *PackWriter) Add(e tree.Entry, content io.Reader) (Placement, error) {
	if err := p.tar.WriteHeader(header(e)); err != nil {
		return Placement{}, fmt.Errorf("packing %s: %w", e.Path, err)
	}
	if e.Type != tree.File {
		return Placement{}, nil
	}
	offset, sum := p.out.n, digest.Canonical.Digester()
	n, err := io.Copy(io.MultiWriter(p.tar, sum.Hash()), content)
	if err == nil && n < e.Size {
		err = io.ErrUnexpectedEOF
	}
	if err != nil {
		return Placement{}, fmt.Errorf("packing %s: %w", e.Path, err)
	}
	return Placement{Digest: sum.Digest(), Offset: offset}, nil
}

// Close ends the archive. It does not close the writer below.
func (p *PackWriter) Close() error { return p.tar.Close() }

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
