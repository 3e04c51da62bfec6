package transfer

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"slices"
	"sync/atomic"
	"time"

	"github.com/opencontainers/go-digest"
	ocispec "github.com/opencontainers/image-spec/specs-go/v1"
	"oras.land/oras-go/v2/registry/remote"
	"oras.land/oras-go/v2/registry/remote/errcode"
)

// uploader sends blobs to a repository.
type uploader struct {
	retrier
	repo     *remote.Repository
	uploaded atomic.Int64 // bytes of blobs that the registry took
	noParts  atomic.Bool  // the registry takes blobs in one request only
}

var (
	// errNoParts means that a registry takes blobs in one request only.
	errNoParts = errors.New("the registry takes no uploads in parts")
	// errForgotten means that a registry no longer knows an upload or has lost what it had of it.
	errForgotten = errors.New("the registry has forgotten the upload")
)

// blob sees that the registry has a blob that is known. It is looked for, and sent if it is not there.
func (u *uploader) blob(ctx context.Context, desc ocispec.Descriptor, c feed) error {
	there, err := u.exists(ctx, desc.Digest)
	if there || err != nil {
		return err
	}
	return u.send(ctx, desc, "", c)
}

// send sends a blob that the registry lacks, or has it mounted from another repository if one is said to have it.
func (u *uploader) send(ctx context.Context, desc ocispec.Descriptor, from string, c feed) error {
	m := mount{from: from, digest: desc.Digest}
	if desc.Size > partSize {
		if _, err := u.parts(ctx, m, c); !errors.Is(err, errNoParts) {
			return err
		}
		m = mount{}
	}
	return u.inOne(ctx, desc, m, c)
}

func (u *uploader) exists(ctx context.Context, d digest.Digest) (bool, error) {
	there := false
	err := u.do(ctx, "looking for "+d.String(), func(ctx context.Context) (err error) {
		there, err = u.repo.Blobs().Exists(ctx, ocispec.Descriptor{Digest: d})
		return err
	})
	return there, err
}

// inOne sends a blob in one request.
func (u *uploader) inOne(ctx context.Context, desc ocispec.Descriptor, m mount, c feed) error {
	try := func(ctx context.Context) error {
		s, err := u.begin(ctx, m)
		if err != nil || s == nil {
			return err
		}
		err = s.finish(ctx, desc.Digest, u.payload(desc.Size, c.whole))
		if err == nil {
			u.uploaded.Add(desc.Size)
		}
		return forgotten(err)
	}
	return u.untilKept(ctx, func() error { return u.do(ctx, "uploading "+desc.Digest.String(), try) })
}

// parts sends a blob part by part, so that its digest need not be known before, and returns that. What was cut off is
// taken up where the registry is.
func (u *uploader) parts(ctx context.Context, m mount, c feed) (d digest.Digest, err error) {
	defer c.close()
	if u.noParts.Load() {
		return "", errNoParts
	}
	err = u.untilKept(ctx, func() error {
		c.rewind()
		d, err = u.allParts(ctx, m, c)
		return err
	})
	return d, err
}

// untilKept goes through an upload until the registry does not forget it on the way.
func (u *uploader) untilKept(ctx context.Context, upload func() error) error {
	wait := u.policy()
	for lost := 0; ; lost++ {
		before := u.uploaded.Load()
		err := upload()
		if u.uploaded.Load() >= before+partSize {
			lost = 0
			wait.Reset()
		}
		if !errors.Is(err, errForgotten) || lost == mostLost {
			return err
		}
		u.counters.retried()
		select {
		case <-time.After(wait.NextBackOff()):
		case <-ctx.Done():
			return err
		}
	}
}

// mostLost is how often an upload is begun again, without getting anywhere, after it was forgotten.
const mostLost = 10

func (u *uploader) allParts(ctx context.Context, m mount, c feed) (digest.Digest, error) {
	var s *session
	err := u.do(ctx, "beginning an upload", func(ctx context.Context) (err error) {
		s, err = u.begin(ctx, m)
		return err
	})
	if err != nil || s == nil {
		return m.digest, err
	}
	for err == nil {
		var p part
		if p, err = c.next(); err != nil {
			break
		}
		if p.size == 0 {
			d := c.digest()
			return d, u.finish(ctx, s, d)
		}
		err = u.part(ctx, s, p)
	}
	u.abandon(ctx, s, err)
	return "", err
}

// begin starts an upload, or has the blob mounted; then there is no session. Where to mount is refused, to send may not be.
func (u *uploader) begin(ctx context.Context, m mount) (*session, error) {
	s, err := begin(ctx, u.repo, m)
	if m.from != "" && Final(err) {
		return begin(ctx, u.repo, mount{})
	}
	return s, err
}

// part sends one part, as far as the registry lacks it.
func (u *uploader) part(ctx context.Context, s *session, p part) error {
	t := partTry{uploader: u, session: s, part: p, most: p.size}
	err := u.do(ctx, fmt.Sprintf("uploading bytes %d to %d of a blob", p.at, p.end()), t.send)
	if err == nil {
		u.uploaded.Add(p.size)
	}
	return err
}

// partTry is what is learnt while one part is tried again and again.
type partTry struct {
	*uploader
	session *session
	part    part
	most    int64 // bytes in one request
	failed  bool
	unmet   int // answers that the offset is wrong, which it is not
}

func (t *partTry) send(ctx context.Context) error {
	s, p := t.session, t.part
	if t.failed {
		if err := s.ask(ctx); err != nil {
			return forgottenUnless(err, http.StatusUnauthorized, http.StatusForbidden)
		}
		ctx = patiently(ctx, s.offset) // the registry may have to copy what it has before it takes more
	}
	t.failed = true
	if s.offset < p.at || s.offset > p.end() {
		return errForgotten
	}
	for s.offset < p.end() {
		from, size := s.offset, min(t.most, p.end()-s.offset)
		err := s.append(ctx, t.payload(size, func() io.ReadCloser {
			return struct {
				io.Reader
				io.Closer
			}{io.LimitReader(p.open(from), size), io.NopCloser(nil)}
		}))
		switch {
		case err != nil:
			return t.learn(err)
		case s.offset == from:
			return fmt.Errorf("the registry took nothing: %w", io.ErrUnexpectedEOF)
		}
	}
	return nil
}

// smallestPart is how far parts are divided for a registry, or a proxy before it, that takes no larger ones; in bytes.
const smallestPart = 1 << 20

// learn takes the answer to a part.
func (t *partTry) learn(err error) error {
	var status *errcode.ErrorResponse
	if !errors.As(err, &status) {
		return err
	}
	switch {
	case status.StatusCode == http.StatusRequestEntityTooLarge && t.most > smallestPart:
		t.most = max(smallestPart, t.most/4)
		return fmt.Errorf("parts of %d bytes are tried: %w", t.most, io.ErrUnexpectedEOF)
	case status.StatusCode == http.StatusRequestedRangeNotSatisfiable:
		t.unmet++
	}
	const misunderstood = 3
	if refusesParts(status) || t.unmet == misunderstood {
		t.noParts.Store(true)
		return fmt.Errorf("%w: %w", errNoParts, clean(err))
	}
	return forgotten(err)
}

// finish makes the blob. A registry that forgot the upload may have done so because the blob was made, and only the answer
// was lost.
func (u *uploader) finish(ctx context.Context, s *session, d digest.Digest) error {
	err := u.do(ctx, "finishing the upload of "+d.String(), func(ctx context.Context) error {
		return forgotten(s.finish(ctx, d, payload{}))
	})
	if errors.Is(err, errForgotten) {
		if there, existsErr := u.exists(ctx, d); there && existsErr == nil {
			return nil
		}
	}
	return err
}

// abandon tells the registry, in a moment's time, that an upload will not go on.
func (u *uploader) abandon(ctx context.Context, s *session, why error) {
	if !Final(why) || errors.Is(why, errForgotten) {
		return
	}
	const patience = 2 * time.Second
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), patience)
	defer cancel()
	_ = s.cancel(ctx) // registries also clean up by themselves
}

// payload is a body whose bytes are counted.
func (u *uploader) payload(size int64, open func() io.ReadCloser) payload {
	return payload{size: size, open: func() io.ReadCloser { return &countedBody{open(), u.counters} }}
}

// countedBody counts bytes on the wire.
type countedBody struct {
	io.ReadCloser
	counters *Counters
}

func (c *countedBody) Read(b []byte) (int, error) {
	n, err := c.ReadCloser.Read(b)
	c.counters.moved(n)
	return n, err
}

// forgotten gives the answer that an upload is not known a name of its own.
func forgotten(err error) error {
	var status *errcode.ErrorResponse
	if errors.As(err, &status) && (status.StatusCode == http.StatusNotFound ||
		hasCode(status, errcode.ErrorCodeBlobUploadUnknown, errcode.ErrorCodeBlobUploadInvalid)) {
		return fmt.Errorf("%w: %w", errForgotten, clean(err))
	}
	return err
}

// forgottenUnless is forgotten for any answer that is final but for some.
func forgottenUnless(err error, but ...int) error {
	var status *errcode.ErrorResponse
	if errors.As(err, &status) && !transientStatus(status) && !slices.Contains(but, status.StatusCode) {
		return fmt.Errorf("%w: %w", errForgotten, clean(err))
	}
	return forgotten(err)
}

// refusesParts reports whether an answer to a part may be different if the blob comes in one request.
func refusesParts(status *errcode.ErrorResponse) bool {
	if hasCode(status, errcode.ErrorCodeBlobUploadUnknown, errcode.ErrorCodeBlobUploadInvalid) {
		return false
	}
	other := []int{
		http.StatusUnauthorized, http.StatusForbidden, http.StatusNotFound, http.StatusRequestTimeout,
		http.StatusRequestedRangeNotSatisfiable, http.StatusTooEarly, http.StatusTooManyRequests,
	}
	return status.StatusCode == http.StatusNotImplemented || status.StatusCode < http.StatusInternalServerError &&
		!slices.Contains(other, status.StatusCode)
}
