package transfer

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"

	"github.com/converged-computing/oras-operator/pkg/artifact"
	"github.com/converged-computing/oras-operator/pkg/tree"
)

// open opens files of the source.
func (p *pusher) open(ctx context.Context, paths []tree.Path) ([]File, error) {
	files, err := p.src.Open(ctx, paths)
	if err == nil && len(files) != len(paths) {
		closeAll(files)
		err = fmt.Errorf("opening %d files gave %d", len(paths), len(files))
	}
	return files, onTree(err)
}

// smallFiles reads the small files of a pack one after the other and opens them in batches.
type smallFiles struct {
	*pusher
	ctx    context.Context
	buffer *bytes.Buffer // for the content of one file
	todo   []int         // entries still to be read
	files  []File
	count  int // files read
	bytes  int // in them
}

// read returns the content of the next file, the entry i. It is good until the next call.
func (s *smallFiles) read(i int) (io.Reader, error) {
	if len(s.files) == 0 {
		if err := s.fill(); err != nil {
			return nil, err
		}
	}
	f := s.files[0]
	s.files = s.files[1:]
	defer f.Close() //nolint:errcheck // nothing was written
	s.count++
	if err := readSmall(s.buffer, f, &s.layout.Entries[i]); err != nil {
		return nil, onTree(fmt.Errorf("reading %s: %w", s.layout.Entries[i].Path, err))
	}
	if s.bytes += s.buffer.Len(); s.bytes > mostGrown {
		return nil, onTree(fmt.Errorf("reading %s: the files before it have grown: %w", s.layout.Entries[i].Path, ErrChanged))
	}
	return bytes.NewReader(s.buffer.Bytes()), s.ctx.Err()
}

// fill opens the next batch.
func (s *smallFiles) fill() error {
	var paths []tree.Path
	for len(s.todo) > 0 && len(paths) < OpenBatch {
		if e := s.layout.Entries[s.todo[0]]; e.Type == tree.File {
			paths = append(paths, e.Path)
		}
		s.todo = s.todo[1:]
	}
	var err error
	s.files, err = s.open(s.ctx, paths)
	return err
}

// mostGrown is what files may grow to together that a pack was planned for, in bytes: it is made in memory.
const mostGrown = 4 * artifact.PackSize

func (s *smallFiles) close() { closeAll(s.files) }

// readSmall reads a file whole, once more if it changes meanwhile, and brings its entry up to date.
func readSmall(into *bytes.Buffer, f File, e *tree.Entry) error {
	for range reads {
		before, err := tree.Stat(f)
		if err != nil {
			return err
		}
		if before.Size > max(e.Size, artifact.PackSize) {
			return fmt.Errorf("it grew to %d bytes: %w", before.Size, ErrChanged)
		}
		into.Reset()
		into.Grow(int(before.Size))
		content := into.AvailableBuffer()[:before.Size]
		n, err := f.ReadAt(content, 0)
		if err != nil && !errors.Is(err, io.EOF) {
			return err
		}
		after, err := tree.Stat(f)
		if err != nil {
			return err
		}
		if n == len(content) && tree.SameFile(before, after) {
			_, _ = into.Write(content) // which is where it lies already
			update(e, before)
			return nil
		}
	}
	return ErrChanged
}
