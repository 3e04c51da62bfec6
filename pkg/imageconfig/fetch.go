package imageconfig

import (
	"bytes"
	"context"
	"encoding/hex"
	"io"
	"net/http"
	"net/url"
	"strings"

	"github.com/google/go-containerregistry/pkg/name"
	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/remote/transport"
	"github.com/google/go-containerregistry/pkg/v1/types"
)

// repository is one that may be read from. The client library only finds out how to ask: if it read manifests too, it
// would keep all that they list, which can take a hundred times their own size.
type repository struct {
	name   name.Repository
	client *http.Client
}

// open finds out how the repository of a question is read from.
func (l *Lookup) open(ctx context.Context, q question) (repository, error) {
	repo := q.ref.Context()
	patient := transport.NewRetry(l.transport, transport.WithRetryStatusCodes(
		http.StatusInternalServerError, http.StatusBadGateway, http.StatusServiceUnavailable, http.StatusGatewayTimeout))
	authorized, err := transport.NewWithContext(ctx, repo.Registry, q.auth,
		transport.NewUserAgent(patient, l.opts.UserAgent), []string{repo.Scope(transport.PullScope)})
	if err != nil {
		return repository{}, err
	}
	return repository{name: repo, client: &http.Client{Transport: authorized}}, nil
}

// do asks for a manifest or a blob, as kind says. The caller closes the body of the answer.
func (r repository) do(ctx context.Context, method, kind, identifier string) (*http.Response, error) {
	at := url.URL{Scheme: r.name.Scheme(), Host: r.name.RegistryStr(), Path: "/v2/" + r.name.RepositoryStr() + "/" + kind + "/" + identifier}
	req, err := http.NewRequestWithContext(ctx, method, at.String(), nil)
	if err != nil {
		return nil, err
	}
	if kind == manifests {
		req.Header.Set("Accept", strings.Join([]string{
			string(types.OCIManifestSchema1), string(types.DockerManifestSchema2), string(types.OCIImageIndex), string(types.DockerManifestList),
		}, ","))
	}
	resp, err := r.client.Do(req)
	if err != nil {
		return nil, err
	}
	if err := transport.CheckError(resp, http.StatusOK); err != nil {
		resp.Body.Close() //nolint:errcheck // only read from
		return nil, err
	}
	return resp, nil
}

// Kinds of what a repository holds.
const (
	manifests = "manifests"
	blobs     = "blobs"
)

// get returns what a digest stands for, of so many bytes at most, and its media type.
func (r repository) get(ctx context.Context, kind string, digest v1.Hash, most int64) ([]byte, types.MediaType, error) {
	resp, err := r.do(ctx, http.MethodGet, kind, digest.String())
	if err != nil {
		return nil, "", err
	}
	defer resp.Body.Close() //nolint:errcheck // only read from
	var content bytes.Buffer
	if resp.ContentLength > 0 {
		content.Grow(int(min(resp.ContentLength, most)) + bytes.MinRead)
	}
	if _, err := content.ReadFrom(io.LimitReader(resp.Body, most+1)); err != nil {
		return nil, "", err
	}
	if int64(content.Len()) > most {
		return nil, "", faulty(ErrTooLarge, "an answer of more than %d bytes", most)
	}
	got, err := digestOf(digest.Algorithm, bytes.NewReader(content.Bytes()))
	if err != nil {
		return nil, "", err
	}
	if got != digest {
		return nil, "", faulty(ErrAnswer, "content of another digest")
	}
	return content.Bytes(), types.MediaType(resp.Header.Get("Content-Type")), nil
}

// resolve returns the digest of what a reference stands for. Asking for no more than that does not count against the limits
// of Docker Hub.
func (r repository) resolve(ctx context.Context, ref name.Reference) (v1.Hash, error) {
	head, err := r.do(ctx, http.MethodHead, manifests, ref.Identifier())
	if err == nil {
		head.Body.Close() //nolint:errcheck // it is empty
		if digest, err := v1.NewHash(head.Header.Get("Docker-Content-Digest")); err == nil {
			return digest, nil
		}
	}
	got, err := r.do(ctx, http.MethodGet, manifests, ref.Identifier()) // some do not answer to HEAD, and those that do do not say what is wrong
	if err != nil {
		return v1.Hash{}, err
	}
	defer got.Body.Close() //nolint:errcheck // only read from
	return digestOf("sha256", got.Body)
}

func digestOf(algorithm string, content io.Reader) (v1.Hash, error) {
	sum, err := v1.Hasher(algorithm)
	if err != nil {
		return v1.Hash{}, faulty(ErrAnswer, "a digest of an unknown kind")
	}
	if _, err := io.Copy(sum, content); err != nil {
		return v1.Hash{}, err
	}
	return v1.Hash{Algorithm: algorithm, Hex: hex.EncodeToString(sum.Sum(nil))}, nil
}
