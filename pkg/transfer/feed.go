package transfer

import (
	"bytes"
	"errors"
	"io"

	"github.com/opencontainers/go-digest"
)

const (
	// partSize is how much of a large file is sent in one request, in bytes: the most that is ever sent again.
	partSize = 64 << 20
	// bufferedPart is the same for what is made while it is sent, each part of which waits in memory.
	bufferedPart = 8 << 20
)

// feed is what a blob consists of, all at once or part by part.
type feed interface {
	// whole gives all of it, anew each time.
	whole() io.ReadCloser
	// next returns the next part; after the last one comes one without bytes.
	next() (part, error)
	// digest is right when the last part has been sent, if it was not before.
	digest() digest.Digest
	// rewind makes next begin again.
	rewind()
	// close ends what next has begun.
	close()
}

// part is a piece of a blob that is sent in one request, as often as need be.
type part struct {
	at, size int64
	open     func(from int64) io.ReadCloser // what is in the blob from there to the end of the part
}

func (p part) end() int64 { return p.at + p.size }

// inMemory is a feed from memory. It is one part.
type inMemory struct {
	bytes []byte
	sum   digest.Digest
	given bool
}

// small is a feed of which everything is known.
func small(content []byte) *inMemory {
	return &inMemory{bytes: content, sum: digest.FromBytes(content)}
}

func (m *inMemory) whole() io.ReadCloser  { return io.NopCloser(bytes.NewReader(m.bytes)) }
func (m *inMemory) digest() digest.Digest { return m.sum }
func (m *inMemory) rewind()               { m.given = false }
func (m *inMemory) close()                {}

func (m *inMemory) next() (part, error) {
	if m.given {
		return part{}, nil
	}
	m.given = true
	return bufferPart(0, m.bytes), nil
}

func bufferPart(at int64, content []byte) part {
	return part{at: at, size: int64(len(content)), open: func(from int64) io.ReadCloser {
		return io.NopCloser(bytes.NewReader(content[from-at:]))
	}}
}

// generated is a feed that a function writes, the same each time. Its digest is that of what came part by part.
type generated struct {
	write  func(io.Writer) error
	stream *generator
	sum    digest.Digester
	at     int64
	buffer []byte
}

func newGenerated(write func(io.Writer) error) *generated {
	return &generated{write: write}
}

func (g *generated) whole() io.ReadCloser  { return generate(g.write) }
func (g *generated) digest() digest.Digest { return g.sum.Digest() }
func (g *generated) rewind()               { g.close() }

func (g *generated) next() (part, error) {
	if g.stream == nil {
		g.stream, g.sum, g.at = generate(g.write), digest.Canonical.Digester(), 0
		if g.buffer == nil {
			g.buffer = make([]byte, bufferedPart)
		}
	}
	n, err := io.ReadFull(g.stream, g.buffer)
	if err != nil && !errors.Is(err, io.EOF) && !errors.Is(err, io.ErrUnexpectedEOF) {
		return part{}, err
	}
	_, _ = g.sum.Hash().Write(g.buffer[:n]) // a hash takes everything
	p := bufferPart(g.at, g.buffer[:n])
	g.at += int64(n)
	return p, nil
}

func (g *generated) close() {
	if g.stream != nil {
		_ = g.stream.Close()
		g.stream = nil
	}
}

// generator is what a function writes, as a stream. Closing it waits until the function has returned.
type generator struct {
	*io.PipeReader
	done chan struct{}
}

func generate(write func(io.Writer) error) *generator {
	r, w := io.Pipe()
	g := &generator{PipeReader: r, done: make(chan struct{})}
	go func() {
		defer close(g.done)
		w.CloseWithError(write(w))
	}()
	return g
}

// Close ends the stream.
func (g *generator) Close() error {
	err := g.PipeReader.Close()
	<-g.done
	return err
}
