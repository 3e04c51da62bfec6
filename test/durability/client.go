package durability

import (
	"bytes"
	"context"
	"io"
	"math/rand/v2"
	"net/http"
	"slices"
	"strconv"
	"time"

	"github.com/opencontainers/go-digest"
	ocispec "github.com/opencontainers/image-spec/specs-go/v1"
)

// patience is how long a request may take: longer than a registry lets one wait.
const patience = 3 * time.Minute

// manifestTypes is the Accept header of requests for manifests.
const manifestTypes = ocispec.MediaTypeImageManifest + ", " + ocispec.MediaTypeImageIndex

// client makes requests, each to any of the replicas.
type client struct {
	http *http.Client
	urls func() []string
	odd  func(format string, args ...any) // is told of answers that no registry should give
}

// answer is what came of a request.
type answer struct {
	status int // 0: there was no answer
	header http.Header
	body   []byte // nil unless it came whole
}

// outcome is what an answer means.
type outcome int

const (
	doubtful outcome = iota // the request may have been carried out or not
	refused                 // it was not
	done                    // it was
)

// means returns what an answer means, where these statuses acknowledge the request.
func (a answer) means(statuses ...int) outcome {
	if slices.Contains(statuses, a.status) {
		return done
	}
	if a.status >= http.StatusBadRequest && a.status < http.StatusInternalServerError && a.status != http.StatusTooManyRequests {
		return refused
	}
	return doubtful
}

// do makes a request, whose path begins with a slash. It takes no context, since a load that is to stop still has to learn what came of
// its requests.
func (c *client) do(method, path string, header map[string]string, body []byte) answer {
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	urls := c.urls()
	req, err := http.NewRequestWithContext(ctx, method, urls[rand.IntN(len(urls))]+path, bytes.NewReader(body))
	if err != nil {
		c.odd("%s %s: %v", method, path, err)
		return answer{}
	}
	for key, value := range header {
		req.Header.Set(key, value)
	}
	res, err := c.http.Do(req)
	if err != nil {
		return answer{}
	}
	defer res.Body.Close() //nolint:errcheck // it was only read
	a := answer{status: res.StatusCode, header: res.Header}
	if data, err := io.ReadAll(res.Body); err == nil {
		a.body = data
	}
	if a.status >= http.StatusInternalServerError && a.status != http.StatusServiceUnavailable && a.status != http.StatusInsufficientStorage {
		c.odd("%s %s was answered %d: %s", method, path, a.status, a.body)
	}
	return a
}

// get reads what is at a path, and tries again while replicas are gone. If ctx ends first, the answer's body may be nil.
func (c *client) get(ctx context.Context, path string) answer {
	for {
		a := c.do(http.MethodGet, path, map[string]string{"Accept": manifestTypes}, nil)
		if a.body != nil && a.means(http.StatusOK) != doubtful || ctx.Err() != nil {
			return a
		}
		pause()
	}
}

// pause waits between a request that nobody answered and the next one.
func pause() { time.Sleep(50 * time.Millisecond) }

func blobPath(repository string, d digest.Digest) string {
	return "/v2/" + repository + "/blobs/" + d.String()
}

func manifestPath(repository, reference string) string {
	return "/v2/" + repository + "/manifests/" + reference
}

func uploadsPath(repository string) string { return "/v2/" + repository + "/blobs/uploads/" }

// byteStream is the header of a request that sends content.
func byteStream() map[string]string {
	return map[string]string{"Content-Type": "application/octet-stream"}
}

// chunkFrom is the header of a request that sends a part of an upload.
func chunkFrom(offset, size int) map[string]string {
	header := byteStream()
	header["Content-Range"] = strconv.Itoa(offset) + "-" + strconv.Itoa(offset+size-1)
	return header
}
