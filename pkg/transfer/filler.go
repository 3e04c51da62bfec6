package transfer

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"

	"github.com/opencontainers/go-digest"
	ocispec "github.com/opencontainers/image-spec/specs-go/v1"

	"github.com/converged-computing/oras-operator/pkg/tree"
)

// Bounds of what waits in memory for being created together, in bytes.
const (
	smallFile = 256 << 10 // a file above this is created by itself
	batchSize = 1 << 20
	// copyBuffer is what is written of a large file at once, and alignBuffer what is gathered until it is whole blocks.
	copyBuffer  = 256 << 10
	alignBuffer = copyBuffer / 2 // more is written as it is
)

// filler creates files in a sink, small ones in batches. It is not for concurrent use.
type filler struct {
	*puller
	ctx     context.Context
	entries []tree.Entry
	ends    []int  // where the content of each ends
	content []byte // of all of them
}

// add creates a file, now or with the next flush, and reads its content now. A digest, unless it is empty, is verified.
func (f *filler) add(e tree.Entry, content io.Reader, d digest.Digest) error {
	if e.Size > smallFile {
		return f.large(e, content, d)
	}
	start := len(f.content)
	f.content = append(f.content, make([]byte, e.Size)...)
	if _, err := io.ReadFull(content, f.content[start:]); err != nil {
		return err
	}
	if d != "" && d.Algorithm().FromBytes(f.content[start:]) != d {
		return mismatch(e, d)
	}
	f.entries, f.ends = append(f.entries, e), append(f.ends, len(f.content))
	if len(f.entries) == OpenBatch || len(f.content) >= batchSize {
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
	start := 0
	for i, file := range files {
		_, writeErr := file.Write(f.content[start:f.ends[i]])
		err = errors.Join(err, writeErr, file.Close())
		start = f.ends[i]
	}
	f.counters.done(0, len(f.entries))
	f.entries, f.ends, f.content = f.entries[:0], f.ends[:0], f.content[:0]
	return err
}

// large creates a file and streams its content, which has to be e.Size bytes.
func (f *filler) large(e tree.Entry, content io.Reader, d digest.Digest) error {
	files, err := f.create([]tree.Entry{e})
	if err != nil {
		return err
	}
	return f.fill(files[0], func() error {
		if err := files[0].keep(0); err != nil {
			return err
		}
		var verifier digest.Verifier
		if d != "" {
			verifier = d.Verifier()
			content = io.TeeReader(content, verifier)
		}
		if err := f.copy(files[0], e, content); err != nil {
			return err
		}
		if verifier != nil && !verifier.Verified() {
			return mismatch(e, d)
		}
		return nil
	})
}

// blob creates a file that is a blob. What an earlier pull has left of it is not fetched again.
func (f *filler) blob(e tree.Entry, desc ocispec.Descriptor) error {
	files, err := f.create([]tree.Entry{e})
	if err != nil {
		return err
	}
	file := files[0]
	return f.fill(file, func() error {
		have := min(file.present(), e.Size) / holeSize * holeSize
		err := f.copyBlob(file, e, desc, have)
		if errors.Is(err, ErrDigest) && have > 0 {
			err = f.copyBlob(file, e, desc, 0) // what was there was of something else
		}
		return err
	})
}

// fill closes a file after its content has been written.
func (f *filler) fill(file *output, write func() error) error {
	err := write()
	if closeErr := file.Close(); err == nil {
		err = closeErr
	}
	if err == nil {
		f.counters.done(0, 1)
	}
	return err
}

func (f *filler) copyBlob(file *output, e tree.Entry, desc ocispec.Descriptor, have int64) error {
	blob := f.fetch(f.ctx, desc)
	defer blob.Close() //nolint:errcheck // read to its end
	f.counters.done(have-file.at, 0)
	if err := file.keep(have); err != nil {
		return err
	}
	if have > 0 {
		if err := blob.resume(io.NewSectionReader(file.plain, 0, have)); err != nil {
			return onTree(err)
		}
	}
	return f.copy(file, e, blob)
}

// copy writes content to a file that then has to have the right size.
func (f *filler) copy(file *output, e tree.Entry, content io.Reader) error {
	aligned := bufio.NewWriterSize(file, alignBuffer) // else blocks of zeros would not be seen where reads end within them
	_, err := io.Copy(aligned, content)
	if err == nil {
		err = aligned.Flush()
	}
	if err == nil && file.at != e.Size {
		err = fmt.Errorf("%q: %d bytes are not %d: %w", string(e.Path), file.at, e.Size, ErrDigest)
	}
	return err
}

func mismatch(e tree.Entry, d digest.Digest) error {
	return fmt.Errorf("%q is not %s: %w", string(e.Path), d, ErrDigest)
}

func (f *filler) create(entries []tree.Entry) ([]*output, error) {
	files, err := f.sink.Create(f.ctx, entries)
	if err == nil && len(files) != len(entries) {
		closeAll(files)
		err = fmt.Errorf("creating %d files gave %d", len(entries), len(files))
	}
	outputs := make([]*output, len(files))
	for i, file := range files {
		outputs[i] = newOutput(file, f.counters)
	}
	return outputs, onTree(err)
}
