package artifact

import (
	"archive/tar"
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"io"
	"path"
	"strings"

	"github.com/klauspost/compress/gzip"
	"github.com/klauspost/compress/zstd"

	"github.com/converged-computing/oras-operator/pkg/tree"
)

// Bounds for archives of unknown origin. See README.md.
const (
	MaxUnpacked   = 1 << 40 // bytes in all the files of one pull, unless a caller says otherwise
	maxRatio      = 200     // unpacked bytes for each compressed one
	ratioFree     = 1 << 30 // unpacked bytes before the ratio counts
	zstdMaxWindow = 64 << 20
)

var (
	// ErrUnsafe is wrapped by the error about an archive that a pull must not unpack.
	ErrUnsafe = errors.New("unsafe archive")
	// ErrTooLarge is returned for archives that unpack to more than is allowed.
	ErrTooLarge = errors.New("the archive unpacks to too much")
)

// Budget bounds what archives may unpack to, all those of one pull together. It is not for concurrent use.
type Budget struct {
	Entries int   // left
	Bytes   int64 // left

	ratio int64 // unpacked bytes that each compressed one may become, once free are used up; 0 is any
	free  int64
}

// NewBudget returns the bounds for archives of unknown origin; bytes of 0 is [MaxUnpacked]. A Budget literal has no bound
// on the ratio, for archives whose contents are known from an index.
func NewBudget(bytes int64) *Budget {
	if bytes <= 0 {
		bytes = MaxUnpacked
	}
	return &Budget{Entries: tree.MaxEntries, Bytes: bytes, ratio: maxRatio, free: ratioFree}
}

// Visit takes one entry of an archive. The reader gives the content of a file and is to be used before Visit returns. An
// entry of another kind (a device, a FIFO) has the empty type.
type Visit func(e tree.Entry, content io.Reader) error

// Unpack reads a tar archive, as it is or compressed by gzip or zstd, and visits its entries in order. Names are made
// valid paths ("./" and trailing slashes go, the root itself is passed over); a name that cannot be is [ErrUnsafe]. The
// link of a hard link is treated as a name, that of a symlink is kept. It reads r to its end, so that a digest can be
// checked. An error names the entry, or the one before it if its own name cannot be read.
func Unpack(r io.Reader, budget *Budget, visit Visit) error {
	in := &meter{r: r}
	plain, err := decompress(bufio.NewReaderSize(in, 64<<10))
	if err != nil {
		return fmt.Errorf("unpacking: %w", err)
	}
	defer plain.Close() //nolint:errcheck // nothing was written
	archive, next := tar.NewReader(plain), "the first entry"
	for {
		h, err := archive.Next()
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			return fmt.Errorf("unpacking %s: %w", next, err)
		}
		next = fmt.Sprintf("the entry after %q", h.Name)
		if h.Typeflag == tar.TypeXGlobalHeader {
			continue
		}
		if err := unpackEntry(h, archive, budget, in, visit); err != nil {
			return fmt.Errorf("unpacking %q: %w", h.Name, err)
		}
	}
	return drain(in)
}

func unpackEntry(h *tar.Header, content io.Reader, budget *Budget, in *meter, visit Visit) error {
	e, err := entryOfHeader(h)
	if err != nil || e.Path == "." {
		return err
	}
	if budget.Entries--; budget.Entries < 0 {
		return tree.ErrTooMany
	}
	if e.Size > budget.Bytes {
		return ErrTooLarge
	}
	budget.Bytes -= e.Size
	return visit(e, &ratioReader{r: content, in: in, budget: budget})
}

// drain reads what is left of the blob after the end of the archive, which may be anything.
func drain(in *meter) error {
	if _, err := io.Copy(io.Discard, in); err != nil {
		return fmt.Errorf("unpacking: %w", err)
	}
	return nil
}

// decompress looks at the first bytes.
func decompress(r *bufio.Reader) (io.ReadCloser, error) {
	magic, err := r.Peek(4)
	switch {
	case bytes.HasPrefix(magic, []byte{0x1f, 0x8b}):
		return gzip.NewReader(r)
	case bytes.Equal(magic, []byte{0x28, 0xb5, 0x2f, 0xfd}):
		z, err := zstd.NewReader(r, zstd.WithDecoderConcurrency(1), zstd.WithDecoderMaxWindow(zstdMaxWindow))
		if err != nil {
			return nil, err
		}
		return z.IOReadCloser(), nil
	case err != nil && !errors.Is(err, io.EOF):
		return nil, err
	}
	return io.NopCloser(r), nil
}

func entryOfHeader(h *tar.Header) (tree.Entry, error) {
	p, err := CleanName(h.Name)
	if err != nil {
		return tree.Entry{}, err
	}
	e := tree.Entry{Path: p, Mode: uint32(h.Mode) & 0o7777, ModTime: h.ModTime.UTC()}
	switch h.Typeflag {
	case tar.TypeReg, tar.TypeGNUSparse:
		e.Type, e.Size = tree.File, h.Size
	case tar.TypeDir:
		e.Type = tree.Dir
	case tar.TypeSymlink:
		e.Type, e.Link = tree.Symlink, tree.Path(h.Linkname)
		if err := checkText(e.Link); err != nil {
			return tree.Entry{}, fmt.Errorf("%w: %w", ErrUnsafe, err)
		}
	case tar.TypeLink:
		e.Type = tree.Hardlink
		if e.Link, err = CleanName(h.Linkname); err != nil {
			return tree.Entry{}, err
		}
	}
	if e.Path == "." && e.Type != tree.Dir {
		return tree.Entry{}, fmt.Errorf("%w: the root is not a directory", ErrUnsafe)
	}
	return e, nil
}

// CleanName makes a path of a name in an archive or of a title: "./" and doubled or trailing slashes go, "." is the root.
// A name that is absolute, leads out or is no path is [ErrUnsafe].
func CleanName(name string) (tree.Path, error) {
	if path.IsAbs(name) {
		return "", fmt.Errorf("%w: %q is absolute", ErrUnsafe, name)
	}
	for part := range strings.SplitSeq(name, "/") {
		if part == ".." {
			return "", fmt.Errorf("%w: %q leads out", ErrUnsafe, name)
		}
	}
	clean := tree.Path(path.Clean(name))
	if clean == "." {
		return clean, nil
	}
	if err := tree.ValidPath(clean); err != nil {
		return "", fmt.Errorf("%w: %w", ErrUnsafe, err)
	}
	return clean, nil
}

// meter counts the compressed bytes of an archive, and what came out of its files.
type meter struct {
	r   io.Reader
	n   int64
	out int64
}

func (m *meter) Read(b []byte) (int, error) {
	n, err := m.r.Read(b)
	m.n += int64(n)
	return n, err
}

// ratioReader fails where much more comes out than went in.
type ratioReader struct {
	r      io.Reader
	in     *meter
	budget *Budget
}

func (r *ratioReader) Read(b []byte) (int, error) {
	n, err := r.r.Read(b)
	r.in.out += int64(n)
	if r.budget.ratio > 0 && r.in.out > r.budget.free && r.in.out/r.budget.ratio > r.in.n {
		return n, ErrTooLarge
	}
	return n, err
}
