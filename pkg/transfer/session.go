package transfer

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"maps"
	"net/http"
	"net/url"
	"slices"

	"github.com/opencontainers/go-digest"
	"oras.land/oras-go/v2/registry/remote"
	"oras.land/oras-go/v2/registry/remote/auth"
	"oras.land/oras-go/v2/registry/remote/errcode"
)

// session is an upload that a registry has begun. What is appended to it becomes a blob when it is finished. See "Pushing
// blobs" in the OCI distribution specification 1.1.
type session struct {
	repo     *remote.Repository
	location *url.URL
	offset   int64 // bytes that the registry has
}

// mount names another repository of the same registry that is said to have a blob. The zero value names none.
type mount struct {
	from   string
	digest digest.Digest
}

// payload is a body that can be sent more than once, as when a token has expired.
type payload struct {
	size int64
	open func() io.ReadCloser
}

// begin starts an upload. There is no session if the registry has mounted the blob instead.
func begin(ctx context.Context, repo *remote.Repository, m mount) (*session, error) {
	s := &session{repo: repo, location: endpoint(repo, "/blobs/uploads/")}
	if m.from != "" {
		other := repo.Reference
		other.Repository = m.from
		ctx = auth.AppendRepositoryScope(ctx, other, auth.ActionPull)
		s.location.RawQuery = url.Values{"mount": {m.digest.String()}, "from": {m.from}}.Encode()
	}
	want := []int{http.StatusAccepted}
	if m.from != "" {
		want = append(want, http.StatusCreated)
	}
	resp, err := s.request(ctx, http.MethodPost, s.location, payload{}, nil, want...)
	if err != nil || resp.StatusCode == http.StatusCreated {
		return nil, err
	}
	return s, nil
}

// endpoint is where a repository has something.
func endpoint(repo *remote.Repository, path string) *url.URL {
	u := &url.URL{Scheme: "https", Host: repo.Reference.Host(), Path: "/v2/" + repo.Reference.Repository + path}
	if repo.PlainHTTP {
		u.Scheme = "http"
	}
	return u
}

// append sends what comes at the offset.
func (s *session) append(ctx context.Context, body payload) error {
	end := s.offset + body.size
	header := http.Header{"Content-Range": {fmt.Sprintf("%d-%d", s.offset, end-1)}}
	resp, err := s.request(ctx, http.MethodPatch, s.location, body, header, http.StatusAccepted, http.StatusNoContent)
	if err != nil {
		return err
	}
	have, err := parseReceived(resp.Header.Get("Range"))
	switch {
	case err != nil, have == 0: // it does not say
		have = end
	case have < s.offset || have > end:
		return fmt.Errorf("the registry has %d bytes of an upload after it got those from %d to %d", have, s.offset, end)
	}
	s.offset = have
	return nil
}

// ask finds out how much the registry has, after an append that failed.
func (s *session) ask(ctx context.Context) error {
	resp, err := s.request(ctx, http.MethodGet, s.location, payload{}, nil, http.StatusNoContent, http.StatusOK)
	if err != nil {
		return err
	}
	s.offset, err = parseReceived(resp.Header.Get("Range"))
	return err
}

// finish makes a blob of what the registry has and of what is still in the body, possibly nothing.
func (s *session) finish(ctx context.Context, d digest.Digest, body payload) error {
	at := *s.location
	query := at.Query()
	query.Set("digest", d.String())
	at.RawQuery = query.Encode()
	_, err := s.request(patiently(ctx, s.offset+body.size), http.MethodPut, &at, body, nil, http.StatusCreated, http.StatusNoContent)
	return err
}

// cancel lets the registry forget the upload.
func (s *session) cancel(ctx context.Context) error {
	_, err := s.request(ctx, http.MethodDelete, s.location, payload{}, nil, http.StatusNoContent, http.StatusAccepted, http.StatusOK)
	return err
}

// request sends one request and follows the location of the upload. The body of the response has been read.
func (s *session) request(ctx context.Context, method string, at *url.URL, body payload, header http.Header, want ...int) (*http.Response, error) {
	ctx = auth.AppendRepositoryScope(ctx, s.repo.Reference, auth.ActionPull, auth.ActionPush)
	req, err := http.NewRequestWithContext(ctx, method, at.String(), http.NoBody)
	if err != nil {
		return nil, err
	}
	maps.Copy(req.Header, header)
	if body.size > 0 {
		sent := &bodies{open: body.open}
		defer sent.end()
		req.GetBody = sent.next
		req.ContentLength = body.size
		if req.Body, err = sent.next(); err != nil {
			return nil, err
		}
		req.Header.Set("Content-Type", "application/octet-stream")
	}
	resp, err := s.repo.Client.Do(req)
	if err != nil {
		return nil, err
	}
	defer resp.Body.Close() //nolint:errcheck // read as far as it matters
	if !slices.Contains(want, resp.StatusCode) {
		return nil, responseError(resp)
	}
	_, _ = io.Copy(io.Discard, io.LimitReader(resp.Body, maxErrorBody)) // so that the connection serves again
	return resp, s.follow(resp)
}

// follow takes the location for the next request. It has to be at the same host, or credentials would go elsewhere.
func (s *session) follow(resp *http.Response) error {
	if resp.Header.Get("Location") == "" || resp.StatusCode == http.StatusCreated {
		return nil
	}
	next, err := resp.Location()
	if err != nil {
		return fmt.Errorf("the registry names no place for the upload: %w", err)
	}
	if next.Port() == "" && s.location.Port() != "" && next.Hostname() == s.location.Hostname() {
		next.Host = s.location.Host // some registries leave out :443, see oras-project/oras-go#177
	}
	if next.Host != s.location.Host || s.location.Scheme == "https" && next.Scheme != "https" {
		return fmt.Errorf("the registry sends the upload elsewhere, to %s://%s", next.Scheme, next.Host)
	}
	s.location = next
	return nil
}

// maxErrorBody is how much of an error is read, in bytes.
const maxErrorBody = 64 << 10

// responseError is what a registry answered instead of what was asked for.
func responseError(resp *http.Response) error {
	e := &errcode.ErrorResponse{Method: resp.Request.Method, URL: resp.Request.URL, StatusCode: resp.StatusCode}
	var body struct {
		Errors errcode.Errors `json:"errors"`
	}
	if json.NewDecoder(io.LimitReader(resp.Body, maxErrorBody)).Decode(&body) == nil {
		e.Errors = body.Errors
	}
	return e
}
