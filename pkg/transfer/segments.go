package transfer

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"sync/atomic"
	"time"

	ocispec "github.com/opencontainers/image-spec/specs-go/v1"
	"golang.org/x/sync/errgroup"
	"oras.land/oras-go/v2/errdef"
	"oras.land/oras-go/v2/registry/remote"
	"oras.land/oras-go/v2/registry/remote/auth"
)

const (
	// segmentSize is how much of a large blob one request fetches, and what of it is in memory at most, in bytes.
	segmentSize = 12 << 20
	// longSegment is how much one request fetches where the reader is slower than the registry, in bytes: then more requests
	// at once would not help, and each costs a registry something. The stock one takes a buffer of 4 MiB for it: segments of
	// that size cost it three times the processor time of a whole blob. Of a long segment only what fits into its ring is
	// fetched before its turn.
	longSegment = 8 * segmentSize
	// parallelFrom is the size from which a blob is fetched by several requests at once, in bytes.
	parallelFrom = 2 * segmentSize
)

// errNoRanges means that a registry only gives whole blobs.
var errNoRanges = errors.New("the registry has no ranges")

// segments fetches a large blob by several requests at once and gives it in order. As many are under way, or wait for their
// turn, as there are rings free.
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
	chunk   []byte        // that has arrived of the current one, and is being read
	rest    []byte        // of the chunk
	since   time.Time     // when the first was begun
	waited  time.Duration // for chunks, in all
	ahead   atomic.Bool   // the registry is faster than the reader
}

// segment is a piece of a blob, in chunks of copyBuffer bytes but for the last. They lie in a ring.
type segment struct {
	at, size int64 // in the blob
	ring     []byte
	room     chan struct{} // for a chunk
	arrived  chan int      // sizes of chunks, as they arrive; closed after the last
	err      error         // why no more comes, once arrived is closed
	taken    int64         // by the reader
}

func newSegment(ring []byte, at, size int64) *segment {
	const chunks = segmentSize / copyBuffer
	p := &segment{at: at, size: size, ring: ring, room: make(chan struct{}, chunks), arrived: make(chan int, chunks)}
	for range chunks {
		p.room <- struct{}{}
	}
	return p
}

// chunk is where a chunk lies.
func (p *segment) chunk(at int64, size int) []byte { return p.ring[at%segmentSize:][:size] }

func newSegments(ctx context.Context, f *fetcher, desc ocispec.Descriptor) *segments {
	s := &segments{fetcher: f, desc: desc, queue: make(chan *segment, cap(f.rings))}
	s.ctx, s.cancel = context.WithCancel(ctx)
	s.group = new(errgroup.Group)
	return s
}

// peek returns what comes next, at least one byte unless it fails.
func (s *segments) peek() ([]byte, error) {
	if !s.started {
		s.started, s.since = true, time.Now()
		s.group.Go(s.dispatch)
	}
	for len(s.rest) == 0 {
		if s.current == nil {
			start := time.Now()
			next, ok := <-s.queue
			if !ok {
				return nil, context.Cause(s.ctx)
			}
			s.current = next
			s.waited += time.Since(start)
		}
		p := s.current
		if s.chunk != nil {
			s.chunk = nil
			p.room <- struct{}{}
		}
		size, more := s.await(p)
		switch {
		case more:
			s.chunk = p.chunk(p.taken, size)
			s.rest = s.chunk
			p.taken += int64(size)
		case p.err != nil:
			return nil, p.err
		default:
			s.ahead.Store(4*s.waited < time.Since(s.since))
			s.release()
		}
	}
	return s.rest, nil
}

// await returns the size of the next chunk of a segment.
func (s *segments) await(p *segment) (size int, more bool) {
	select {
	case size, more = <-p.arrived:
	default:
		start := time.Now()
		size, more = <-p.arrived
		s.waited += time.Since(start)
	}
	return size, more
}

// advance passes over bytes that peek has returned. They stay as they are until the next peek.
func (s *segments) advance(n int) { s.rest = s.rest[n:] }

// release gives back the ring of the current segment.
func (s *segments) release() {
	if s.current != nil {
		s.rings <- s.current.ring
		s.current, s.chunk = nil, nil
	}
}

// dispatch starts one request after the other, each as soon as there is a ring for it. The first answer is awaited: it
// tells whether there are ranges.
func (s *segments) dispatch() error {
	defer close(s.queue)
	answered, answer := context.WithCancelCause(s.ctx)
	defer answer(nil)
	reach := int64(segmentSize)
	for at := s.from; at < s.desc.Size; at += reach {
		var ring []byte
		select {
		case ring = <-s.rings:
		case <-s.ctx.Done():
			return nil
		}
		if ring == nil {
			ring = make([]byte, segmentSize)
		}
		if s.ahead.Load() {
			reach = min(2*reach, longSegment)
		} else {
			reach = segmentSize
		}
		next := newSegment(ring, at, min(reach, s.desc.Size-at))
		s.queue <- next // has room for all rings
		s.group.Go(func() error {
			defer close(next.arrived)
			next.err = s.get(next, func() { answer(nil) })
			answer(next.err)
			return nil
		})
		<-answered.Done()
		if !errors.Is(context.Cause(answered), context.Canceled) {
			return nil
		}
	}
	return nil
}

// get fetches one segment. It says when the first answer is there. Patience begins anew with each chunk that arrives: what
// came before, the wait of a segment for its turn too, says nothing of what fails now.
func (s *segments) get(p *segment, answer func()) error {
	var lane lane
	for {
		got := lane.got
		err := s.do(s.ctx, fmt.Sprintf("fetching bytes %d to %d of %s", p.at+got, p.at+p.size, s.desc.Digest),
			func(ctx context.Context) error {
				err := s.fill(ctx, p, &lane, answer)
				if lane.got >= got+copyBuffer && Transient(err) {
					return nil
				}
				return err
			})
		if err != nil || lane.got == p.size {
			return err
		}
		s.counters.retried()
	}
}

// lane is how far a segment has been fetched.
type lane struct {
	got   int64 // bytes
	shown int64 // of them, in chunks that have arrived
	room  bool  // for the chunk that is begun
}

// fill fetches what is left of a segment.
func (s *segments) fill(ctx context.Context, p *segment, l *lane, answer func()) error {
	body, err := openRange(ctx, s.repo, s.desc, p.at+l.got, p.size-l.got)
	if err != nil {
		return err
	}
	answer()
	counted := &countedBody{body, s.counters}
	for err == nil && l.got < p.size {
		if !l.room {
			select {
			case <-p.room:
				l.room = true
			case <-ctx.Done():
				return errors.Join(ctx.Err(), body.Close())
			}
		}
		size := min(copyBuffer, p.size-l.shown)
		var n int
		n, err = io.ReadFull(counted, p.chunk(l.shown, int(size))[l.got-l.shown:])
		l.got += int64(n)
		if l.got == l.shown+size {
			p.arrived <- int(size)
			l.shown, l.room = l.got, false
		}
	}
	return errors.Join(err, body.Close())
}

// close ends all requests and gives back their rings.
func (s *segments) close() {
	s.cancel()
	_ = s.group.Wait() // the errors are in the segments
	s.release()
	if !s.started {
		return
	}
	for next := range s.queue {
		s.rings <- next.ring
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
	case first != at || last < at || last > at+size-1: // a part of it is allowed
		return fmt.Errorf("%w: bytes %d to %d of %s instead of %d to %d", errHeader, first, last, desc.Digest, at, at+size-1)
	case total >= 0 && total != desc.Size:
		return fmt.Errorf("%s has %d bytes instead of %d: %w", desc.Digest, total, desc.Size, ErrDigest)
	}
	return nil
}
