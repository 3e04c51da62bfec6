package main

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
)

// census is how many regular files there are, and the bytes in them.
type census struct {
	files int
	bytes int64
}

// count counts what is below a path, or the file there. It reads directories in parts: what the benchmark has in memory
// shows up in that of the commands that it starts.
func count(path string) (census, error) {
	var c census
	err := eachFile(path, "", func(_ string, info fs.FileInfo) error {
		c.files++
		c.bytes += info.Size()
		return nil
	})
	return c, err
}

// eachFile visits the regular files below a path, in no order.
func eachFile(root, rel string, visit func(rel string, info fs.FileInfo) error) error {
	path := filepath.Join(root, rel)
	info, err := os.Lstat(path)
	if err != nil {
		return err
	}
	if !info.IsDir() {
		return visit(rel, info)
	}
	dir, err := os.Open(path)
	if err != nil {
		return err
	}
	defer dir.Close() //nolint:errcheck // it was read
	for {
		names, err := dir.Readdirnames(256)
		if errors.Is(err, io.EOF) {
			return nil
		}
		if err != nil {
			return err
		}
		for _, name := range names {
			if err := eachFile(root, filepath.Join(rel, name), visit); err != nil {
				return err
			}
		}
	}
}

// sameSize compares the numbers of what was pulled with those of what was pushed.
func sameSize(pushed, pulled string) error {
	want, err := count(pushed)
	if err != nil {
		return err
	}
	got, err := count(pulled)
	if err != nil {
		return err
	}
	if got != want {
		return fmt.Errorf("%d files with %d bytes were pulled, not %d with %d", got.files, got.bytes, want.files, want.bytes)
	}
	return nil
}

// sameContent compares what was pulled with what was pushed, to the last byte. Pulled is the directory that the pushed
// one has become, or the file.
func sameContent(pushed, pulled string) error {
	c := &comparison{}
	return eachFile(pushed, "", func(rel string, _ fs.FileInfo) error {
		same, err := c.equal(filepath.Join(pushed, rel), filepath.Join(pulled, rel))
		if err == nil && !same {
			err = fmt.Errorf("%s was pulled with other content", filepath.Join(filepath.Base(pushed), rel))
		}
		return err
	})
}

// comparison compares files, one pair after the other.
type comparison struct {
	p, q [256 * kib]byte
}

// equal reports whether two files hold the same.
func (c *comparison) equal(a, b string) (bool, error) {
	x, err := os.Open(a)
	if err != nil {
		return false, err
	}
	defer x.Close() //nolint:errcheck // it was read
	y, err := os.Open(b)
	if err != nil {
		return false, err
	}
	defer y.Close() //nolint:errcheck // it was read
	for {
		n, errX := io.ReadFull(x, c.p[:])
		m, errY := io.ReadFull(y, c.q[:])
		switch {
		case !bytes.Equal(c.p[:n], c.q[:m]):
			return false, nil
		case errX == nil && errY == nil:
		case ended(errX) && ended(errY):
			return true, nil
		case !ended(errX) && errX != nil:
			return false, errX
		default:
			return false, errY
		}
	}
}

func ended(err error) bool { return errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) }
