package transfer

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"

	ocispec "github.com/opencontainers/image-spec/specs-go/v1"
	"golang.org/x/sync/errgroup"
	"oras.land/oras-go/v2/errdef"
	"oras.land/oras-go/v2/registry/remote"
	"oras.land/oras-go/v2/registry/remote/auth"
)

const (
	// segmentSize is how much of a large blob one request fetches, in bytes. The stock registry takes a buffer of 4 MiB for
	// each request: a GiB costs it three times the processor time in segments of that size, and a half more in these.
	segmentSize = 12 << 20
	// parallelFrom is the size from which a blob is fetched by several requests at once, in bytes.
	parallelFrom = 2 * segmentSize
)

// errNoRanges means that a registry only gives whole blobs.
var errNoRanges = errors.New("the registry has no ranges")

// segments fetches a large blob by several requests at once and gives it in order. As many are under way, or wait for their
// turn, as there are buffers free.
type segments struct {
	*fetcher
	desc ocispec.Descriptor
	from int64 // where to begin

	group   *errgroup.Group
	ctx     context.Context
	cancel  context.CancelFunc
	started bool
	queue   chan *segment // in order
	current *segment
	rest    []byte // that has arrived of the current one
}

// segment is a piece of a blob. It is there as it arrives.
type segment struct {
	buffer  []byte
	at      int64    // in the blob
	arrived chan int // how much more of it is there, in bytes; closed after the last
	err     error    // why no more comes, once arrived is closed
	taken   int      // by the reader
}

func newSegments(ctx context.Context, f *fetcher, desc ocispec.Descriptor) *segments {
	s := &segments{fetcher: f, desc: desc, queue: make(chan *segment, cap(f.buffers))}
	s.ctx, s.cancel = context.WithCancel(ctx)
	s.group = new(errgroup.Group)
	return s
}

// peek returns what comes next, at least one byte unless it fails.
func (s *segments) peek() ([]byte, error) {
	if !s.started {
		s.started = true
		s.group.Go(s.dispatch)
	}
	for len(s.rest) == 0 {
		if s.current == nil {
			next, ok := <-s.queue
			if !ok {
				return nil, context.Cause(s.ctx)
			}
			s.current = next
		}
		c := s.current
		n, more := <-c.arrived
		switch {
		case more:
			s.rest = c.buffer[c.taken : c.taken+n]
			c.taken += n
		case c.err != nil:
			return nil, c.err
		default:
			s.release()
		}
	}
	return s.rest, nil
}

// advance passes over bytes that peek has returned. They stay as they are until the next peek.
func (s *segments) advance(n int) { s.rest = s.rest[n:] }

// release gives back the buffer of the current segment.
func (s *segments) release() {
	if s.current != nil {
		s.buffers <- s.current.buffer[:segmentSize]
		s.current = nil
	}
}

// dispatch starts one request after the other, each as soon as there is a buffer for it. The first answer is awaited: it
// tells whether there are ranges.
func (s *segments) dispatch() error {
	defer close(s.queue)
	answered, answer := context.WithCancel(s.ctx)
	defer answer()
	for at := s.from; at < s.desc.Size; at += segmentSize {
		var buffer []byte
		select {
		case buffer = <-s.buffers:
		case <-s.ctx.Done():
			return nil
		}
		if buffer == nil {
			buffer = make([]byte, segmentSize)
		}
		next := &segment{
			buffer: buffer[:min(segmentSize, s.desc.Size-at)], at: at,
			arrived: make(chan int, segmentSize/copyBuffer), // has room for all
		}
		s.queue <- next // has room for all buffers
		s.group.Go(func() error {
			defer answer()
			defer close(next.arrived)
			next.err = s.get(next, answer)
			return nil
		})
		<-answered.Done()
	}
	return nil
}

// get fetches one segment, after a failure from where it broke. It says when the first answer is there.
func (s *segments) get(piece *segment, answer func()) error {
	size := len(piece.buffer)
	got, shown := 0, 0
	what := fmt.Sprintf("fetching bytes %d to %d of %s", piece.at, piece.at+int64(size), s.desc.Digest)
	return s.do(s.ctx, what, func(ctx context.Context) error {
		body, err := openRange(ctx, s.repo, s.desc, piece.at+int64(got), int64(size-got))
		if err != nil {
			return err
		}
		answer()
		counted := &countedBody{body, s.counters}
		for err == nil && got < size {
			next, n := min(shown+copyBuffer, size), 0
			n, err = io.ReadFull(counted, piece.buffer[got:next])
			got += n
			if got == next {
				piece.arrived <- got - shown
				shown = got
			}
		}
		return errors.Join(err, body.Close())
	})
}

// close ends all requests and gives back their buffers.
func (s *segments) close() {
	s.cancel()
	_ = s.group.Wait() // the errors are in the segments
	s.release()
	if !s.started {
		return
	}
	for next := range s.queue {
		s.buffers <- next.buffer[:segmentSize]
	}
	s.started, s.queue = false, nil
}

// openRange asks for a part of a blob.
func openRange(ctx context.Context, repo *remote.Repository, desc ocispec.Descriptor, at, size int64) (io.ReadCloser, error) {
	ctx = auth.AppendRepositoryScope(ctx, repo.Reference, auth.ActionPull)
	where := endpoint(repo, "/blobs/"+desc.Digest.String()).String()
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, where, http.NoBody)
	if err != nil {
		return nil, err
	}
	req.Header.Set("Range", fmt.Sprintf("bytes=%d-%d", at, at+size-1))
	resp, err := repo.Client.Do(req)
	if err != nil {
		return nil, err
	}
	if err := checkRange(resp, desc, at, size); err != nil {
		return nil, errors.Join(err, resp.Body.Close())
	}
	return resp.Body, nil
}

// checkRange sees that a response has the part of a blob that was asked for.
func checkRange(resp *http.Response, desc ocispec.Descriptor, at, size int64) error {
	switch resp.StatusCode {
	case http.StatusPartialContent:
	case http.StatusOK:
		return errNoRanges
	case http.StatusNotFound:
		return fmt.Errorf("%s: %w", desc.Digest, errdef.ErrNotFound)
	case http.StatusRequestedRangeNotSatisfiable:
		return fmt.Errorf("%s is shorter than %d bytes: %w", desc.Digest, desc.Size, ErrDigest)
	default:
		return responseError(resp)
	}
	first, last, total, err := parseContentRange(resp.Header.Get("Content-Range"))
	switch {
	case err != nil:
		return err
	case first != at || last != at+size-1:
		return fmt.Errorf("%w: bytes %d to %d of %s instead of %d to %d", errHeader, first, last, desc.Digest, at, at+size-1)
	case total >= 0 && total != desc.Size:
		return fmt.Errorf("%s has %d bytes instead of %d: %w", desc.Digest, total, desc.Size, ErrDigest)
	}
	return nil
}
