package collect

import (
	"bytes"
	"context"
	"io"
	"net/http"
	"time"

	"github.com/opencontainers/go-digest"
)

// maxManifest is the size of the largest manifest that the library takes, in bytes (registry/handlers/manifests.go there, maxManifestBodySize).
const maxManifest = 4 << 20

// Handler passes on to next what may go on, in the order of the specification:
//
//   - HEAD of a hidden blob is answered with 404.
//   - POST that would mount a hidden blob begins an upload instead.
//   - PUT of a manifest waits until nothing that it makes use of is condemned: its tag, itself, and all that it lists.
//   - The end of an upload, and a mount, wait for their blob; one with a body only when all of that has arrived.
//
// Who waits for longer than [Patience] is answered 503, and may send the same again: see [repeatable]. Everything else, every GET above all, is passed on at once.
func (g *Gate) Handler(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.Method != http.MethodHead && r.Method != http.MethodPost && r.Method != http.MethodPut {
			next.ServeHTTP(w, r)
			return
		}
		what, repository, last := target(r.URL.Path)
		switch {
		case what == blobRoute && r.Method == http.MethodHead:
			g.head(w, r, next, repository, last)
		case what == uploadsRoute && r.Method == http.MethodPost:
			g.begin(w, r, next, repository)
		case what == uploadRoute && r.Method == http.MethodPut:
			g.end(w, r, next, repository)
		case what == manifestRoute && r.Method == http.MethodPut:
			g.manifest(w, r, next, repository, last)
		default:
			next.ServeHTTP(w, r)
		}
	})
}

func (g *Gate) head(w http.ResponseWriter, r *http.Request, next http.Handler, repository, last string) {
	if d, ok := asDigest(last); ok {
		hidden, err := g.hidden(r.Context(), repository, d)
		if err != nil {
			refuse(w, err)
			return
		}
		if hidden {
			fail(w, http.StatusNotFound, "BLOB_UNKNOWN", "blob unknown to registry")
			return
		}
	}
	next.ServeHTTP(w, r)
}

// begin passes the beginning of an upload, which may be a mount or, with a digest, the whole upload.
func (g *Gate) begin(w http.ResponseWriter, r *http.Request, next http.Handler, repository string) {
	query := r.URL.Query()
	d, mounts := asDigest(query.Get("mount"))
	from := query.Get("from")
	hidden := query.Has("digest") // one request cannot be both; that an upload begins is a right answer to every mount
	if mounts && !hidden {        // without a source, any repository's will do, and what is quarantined is hidden in all
		var err error
		if hidden, err = g.hidden(r.Context(), from, d); err != nil {
			refuse(w, err)
			return
		}
	}
	r = r.WithContext(r.Context())
	plainBody(r)
	if !mounts || hidden {
		query.Del("mount")
		query.Del("from")
		location := *r.URL
		location.RawQuery = query.Encode()
		r.URL = &location
		g.end(w, r, next, repository)
		return
	}
	u := &use{}
	u.of(d, blobNode)
	g.pass(w, r, next, u, nil)
}

// end passes the end of an upload, which makes use of its blob once all data has arrived.
func (g *Gate) end(w http.ResponseWriter, r *http.Request, next http.Handler, repository string) {
	d, ok := asDigest(r.URL.Query().Get("digest"))
	r = r.WithContext(r.Context())
	plainBody(r)
	if !ok {
		next.ServeHTTP(w, r)
		return
	}
	u := &use{}
	u.of(d, blobNode)
	there := func(ctx context.Context) bool { return g.store.has(ctx, repository, d) }
	next = repeatable(next, repository, d, func(ctx context.Context) bool {
		hidden, err := g.hidden(ctx, repository, d)
		return err == nil && !hidden && there(ctx)
	})
	if r.ContentLength == 0 {
		g.pass(w, r, next, u, there)
		return
	}
	body := &lateUser{ReadCloser: r.Body, enter: func() (leave func(), deadline time.Time, err error) { return g.enter(r.Context(), u) }}
	defer body.leave()
	r.Body = body
	result := newAnswer()
	next.ServeHTTP(result, r)
	switch {
	case body.err != nil:
		refuse(w, body.err)
	case result.acknowledges() && (!body.entered || late(body.deadline)):
		g.confirm(w, r, u, there, result)
	default:
		result.give(w)
	}
}

// manifest passes a manifest, whose body it reads for that.
func (g *Gate) manifest(w http.ResponseWriter, r *http.Request, next http.Handler, repository, reference string) {
	data, err := io.ReadAll(io.LimitReader(r.Body, maxManifest+1))
	if err != nil {
		fail(w, http.StatusBadRequest, "MANIFEST_INVALID", "reading the manifest: "+err.Error())
		return
	}
	if len(data) > maxManifest {
		fail(w, http.StatusRequestEntityTooLarge, "MANIFEST_INVALID", "the manifest is larger than 4 MiB")
		return
	}
	r = r.WithContext(r.Context())
	r.Body = io.NopCloser(bytes.NewReader(data))
	r.ContentLength = int64(len(data))
	r.TransferEncoding = nil
	g.pass(w, r, next, manifestUse(repository, reference, r.URL.Query()["tag"], data), nil)
}

// manifestUse is what the PUT of a manifest makes use of. One that cannot be read lists nothing: the registry refuses it.
// It is pushed as reference, and, where that is a digest, moves tags.
func manifestUse(repository, reference string, tags []string, data []byte) *use {
	u := &use{}
	ofRepository := func(d digest.Digest) node { return manifestNode(repository, d) }
	own := digest.Canonical.FromBytes(data)
	u.of(own, blobNode)
	u.of(own, ofRepository)
	if _, ok := asDigest(reference); !ok {
		tags = []string{reference}
	}
	for _, tag := range tags {
		u.nodes = append(u.nodes, tagNode(repository, tag))
	}
	says, err := parse(data)
	if err != nil {
		return u
	}
	for _, d := range says.lists {
		u.of(d, blobNode)
		u.of(d, ofRepository)
	}
	if says.subject != "" {
		u.of(says.subject, ofRepository)
	}
	return u
}

// pass lets a request make use of u. If it took longer than it may, there decides whether it is acknowledged; without, it is not.
func (g *Gate) pass(w http.ResponseWriter, r *http.Request, next http.Handler, u *use, there func(context.Context) bool) {
	leave, deadline, err := g.enter(r.Context(), u)
	if err != nil {
		refuse(w, err)
		return
	}
	defer leave()
	if deadline.IsZero() {
		next.ServeHTTP(w, r)
		return
	}
	if there == nil {
		ctx, cancel := context.WithDeadline(r.Context(), deadline)
		defer cancel()
		r = r.WithContext(ctx)
	}
	result := newAnswer()
	next.ServeHTTP(result, r)
	if late(deadline) && result.acknowledges() {
		g.confirm(w, r, u, there, result)
		return
	}
	result.give(w)
}

// confirm gives an answer that was kept back because nobody waited for its request to end, if what it says is still so.
func (g *Gate) confirm(w http.ResponseWriter, r *http.Request, u *use, there func(context.Context) bool, result *answer) {
	if there == nil {
		refuse(w, ErrBusy)
		return
	}
	leave, deadline, err := g.enter(r.Context(), u)
	if err != nil {
		refuse(w, err)
		return
	}
	defer leave()
	if !there(r.Context()) || late(deadline) {
		refuse(w, ErrBusy)
		return
	}
	result.give(w)
}

func late(deadline time.Time) bool { return !deadline.IsZero() && time.Now().After(deadline) }
