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
	// segmentSize is how much of a large blob one request fetches, in bytes.
	segmentSize = 4 << 20
	// parallelFrom is the size from which a blob is fetched by several requests at once, in bytes.
	parallelFrom = 4 * segmentSize
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
	rest    []byte // of the current one
}

// segment is a piece of a blob. It is there when done is closed.
type segment struct {
	buffer []byte
	err    error
	done   chan struct{}
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
		s.release()
		next, ok := <-s.queue
		if !ok {
			return nil, context.Cause(s.ctx)
		}
		s.current = next
		<-next.done
		if next.err != nil {
			return nil, next.err
		}
		s.rest = next.buffer
	}
	return s.rest, nil
}

// advance passes over bytes that peek has returned. They stay as they are until the next peek.
func (s *segments) advance(n int) { s.rest = s.rest[n:] }

// release gives back the buffer of the current segment.
func (s *segments) release() {
	if s.current != nil {
		s.buffers <- s.current.buffer[:0]
		s.current = nil
	}
}

// dispatch starts one request after the other, each as soon as there is a buffer for it. The first goes alone: it tells
// whether there are ranges.
func (s *segments) dispatch() error {
	defer close(s.queue)
	for at := s.from; at < s.desc.Size; at += segmentSize {
		var buffer []byte
		select {
		case buffer = <-s.buffers:
		case <-s.ctx.Done():
			return nil
		}
		next := &segment{buffer: buffer, done: make(chan struct{})}
		s.queue <- next // has room for all buffers
		size := min(segmentSize, s.desc.Size-at)
		s.group.Go(func() error {
			defer close(next.done)
			next.buffer, next.err = s.get(next.buffer, at, size)
			return nil
		})
		if at == s.from {
			<-next.done
			if next.err != nil {
				return nil
			}
		}
	}
	return nil
}

// get fetches one segment, after a failure from where it broke.
func (s *segments) get(buffer []byte, at, size int64) ([]byte, error) {
	if cap(buffer) < segmentSize {
		buffer = make([]byte, segmentSize)
	}
	buffer = buffer[:size]
	got := int64(0)
	err := s.do(s.ctx, fmt.Sprintf("fetching bytes %d to %d of %s", at, at+size, s.desc.Digest), func(ctx context.Context) error {
		body, err := openRange(ctx, s.repo, s.desc, at+got, size-got)
		if err != nil {
			return err
		}
		n, err := io.ReadFull(&countedBody{body, s.counters}, buffer[got:])
		got += int64(n)
		return errors.Join(err, body.Close())
	})
	return buffer, err
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
		s.buffers <- next.buffer[:0]
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
