package transfer

import (
	"context"
	"errors"
	"fmt"
	"io"

	"github.com/opencontainers/go-digest"

	"github.com/converged-computing/oras-operator/pkg/tree"
)

// Bounds of what waits in memory for being created together, in bytes.
const (
	smallFile = 256 << 10 // a file above this is created by itself
	batchSize = 1 << 20
)

// filler creates files in a sink, small ones in batches. It is not for concurrent use.
type filler struct {
	*puller
	ctx      context.Context
	entries  []tree.Entry
	contents [][]byte
	size     int64
}

// add creates a file, now or with the next flush, and reads its content now. A digest, unless it is empty, is verified.
func (f *filler) add(e tree.Entry, content io.Reader, d digest.Digest) error {
	if e.Size > smallFile {
		return f.large(e, content, d)
	}
	buf := make([]byte, e.Size)
	if _, err := io.ReadFull(content, buf); err != nil {
		return err
	}
	if d != "" && d.Algorithm().FromBytes(buf) != d {
		return mismatch(e, d)
	}
	f.entries, f.contents = append(f.entries, e), append(f.contents, buf)
	f.size += e.Size
	if len(f.entries) == OpenBatch || f.size >= batchSize {
		return f.flush()
	}
	return nil
}

// flush creates what waits.
func (f *filler) flush() error {
	if len(f.entries) == 0 {
		return nil
	}
	files, err := f.create(f.entries)
	if err != nil {
		return err
	}
	for i, file := range files {
		_, writeErr := file.Write(f.contents[i])
		err = errors.Join(err, writeErr, file.Close())
	}
	f.counters.done(f.size, len(f.entries))
	f.entries, f.contents, f.size = nil, nil, 0
	return onTree(err)
}

// large creates a file and streams its content, which has to be e.Size bytes.
func (f *filler) large(e tree.Entry, content io.Reader, d digest.Digest) error {
	files, err := f.create([]tree.Entry{e})
	if err != nil {
		return err
	}
	err = f.copy(files[0], e, content, d)
	if closeErr := files[0].Close(); err == nil {
		err = onTree(closeErr)
	}
	if err == nil {
		f.counters.done(0, 1)
	}
	return err
}

func (f *filler) copy(file io.Writer, e tree.Entry, content io.Reader, d digest.Digest) error {
	var verifier digest.Verifier
	if d != "" {
		verifier = d.Verifier()
		content = io.TeeReader(content, verifier)
	}
	n, err := io.Copy(&fileWriter{file, f.counters}, content)
	switch {
	case err != nil:
		return err
	case n != e.Size:
		return fmt.Errorf("%q: %d bytes are not %d: %w", string(e.Path), n, e.Size, ErrDigest)
	case verifier != nil && !verifier.Verified():
		return mismatch(e, d)
	}
	return nil
}

func mismatch(e tree.Entry, d digest.Digest) error {
	return fmt.Errorf("%q is not %s: %w", string(e.Path), d, ErrDigest)
}

func (f *filler) create(entries []tree.Entry) ([]io.WriteCloser, error) {
	files, err := f.sink.Create(f.ctx, entries)
	if err == nil && len(files) != len(entries) {
		closeAll(files)
		err = fmt.Errorf("creating %d files gave %d", len(entries), len(files))
	}
	return files, onTree(err)
}

// fileWriter writes to a file of the sink, counts, and marks errors as the sink's.
type fileWriter struct {
	file     io.Writer
	counters *Counters
}

func (w *fileWriter) Write(b []byte) (int, error) {
	n, err := w.file.Write(b)
	w.counters.done(int64(n), 0)
	return n, onTree(err)
}
