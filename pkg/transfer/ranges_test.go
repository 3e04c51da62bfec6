package transfer_test

import (
	"fmt"
	"math/rand/v2"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/opencontainers/go-digest"
	"gotest.tools/v3/assert"

	"github.com/converged-computing/oras-operator/pkg/transfer"
	"github.com/converged-computing/oras-operator/pkg/transfer/internal/testregistry"
)

// ranges answers requests for a blob as a server does that has its own mind about ranges.
type ranges struct {
	content []byte
	// The first answer without a range breaks off after so many bytes.
	broken int
	// Answers to ranges: how far off their header and their body are, how long they are, and what they say they are.
	headerShift, bodyShift, length int64
	status                         int
	contentRange                   string // instead of the right one, if it is not empty

	served atomic.Int64
}

// patience is how many answers a server gives before it does all it should.
const patience = 5

func (s *ranges) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	w.Header().Set("Accept-Ranges", "bytes")
	w.Header().Set("Content-Type", "application/octet-stream")
	size := int64(len(s.content))
	var from, to int64
	n, _ := fmt.Sscanf(r.Header.Get("Range"), "bytes=%d-%d", &from, &to)
	if n < 2 {
		to = size - 1
	}
	switch calls := s.served.Add(1); {
	case calls > patience:
		http.ServeContent(w, r, "", time.Time{}, strings.NewReader(string(s.content)))
		return
	case n == 0:
		w.Header().Set("Content-Length", fmt.Sprint(size))
		_, _ = w.Write(s.content[:min(s.broken, len(s.content))])
		panic(http.ErrAbortHandler)
	}
	said := s.contentRange
	if said == "" {
		said = fmt.Sprintf("bytes %d-%d/%d", from+s.headerShift, to+s.headerShift, size)
	}
	w.Header().Set("Content-Range", said)
	start := min(max(from+s.bodyShift, 0), size)
	end := min(max(start+s.length, start), size)
	w.WriteHeader(s.status)
	_, _ = w.Write(s.content[start:end])
}

// FuzzRanges holds that a blob is what its digest says, or the pull an error, whatever a server makes of ranges.
func FuzzRanges(f *testing.F) {
	const all = 1 << 40
	f.Add(false, 1000, int64(0), int64(0), int64(all), 206, "")
	f.Add(false, 1000, int64(0), int64(0), int64(all), 200, "")
	f.Add(false, 0, int64(0), int64(-1000), int64(all), 206, "bytes 0-65535/65536")
	f.Add(false, 1000, int64(7), int64(0), int64(all), 206, "")
	f.Add(false, 1000, int64(0), int64(7), int64(all), 206, "")
	f.Add(false, 1000, int64(0), int64(0), int64(1), 206, "")
	f.Add(false, 1000, int64(0), int64(0), int64(0), 206, "")
	f.Add(false, 65535, int64(0), int64(0), int64(all), 416, "bytes */65536")
	f.Add(false, 1000, int64(0), int64(0), int64(all), 206, "bytes 99999999999999999999-1/-1")
	f.Add(false, 1000, int64(0), int64(0), int64(all), 206, "multipart")
	f.Add(true, 1<<20, int64(0), int64(0), int64(all), 206, "")
	f.Add(true, 1<<20, int64(0), int64(3), int64(all), 206, "")
	f.Add(true, 1<<20, int64(0), int64(0), int64(1<<20), 206, "bytes 0-1/*")
	registry := testregistry.Start(f)
	trees, contents := map[bool]string{}, map[bool][]byte{}
	for large, size := range map[bool]int{false: 64 << 10, true: 40 << 20} {
		trees[large] = filepath.Join(f.TempDir(), "file")
		contents[large] = noise(rand.New(rand.NewPCG(1, 1)), size)
		assert.NilError(f, os.WriteFile(trees[large], contents[large], 0o600))
	}
	f.Fuzz(func(t *testing.T, large bool, broken int, headerShift, bodyShift, length int64, status int, contentRange string) {
		if status < 200 || status > 599 || broken < 0 {
			return
		}
		repo := repository(t, registry, "ranges")
		registry.SetFault(nil)
		push(t, repo, "v1", trees[large])
		server := &ranges{
			content: contents[large], broken: broken,
			headerShift: headerShift, bodyShift: bodyShift, length: length, status: status, contentRange: contentRange,
		}
		raw := digest.FromBytes(contents[large]).String()
		registry.SetFault(func(w http.ResponseWriter, r *http.Request) bool {
			if !isBlobGet(r) || !strings.HasSuffix(r.URL.Path, raw) {
				return false
			}
			server.ServeHTTP(w, r)
			return true
		})
		into := t.TempDir()
		_, err := pullInto(t.Context(), repo, "v1", into, transfer.PullOptions{Retry: transfer.Retry{
			First: time.Microsecond, Longest: time.Microsecond, Limit: 5 * time.Second,
		}})
		if err != nil {
			isEmpty(t, into)
			return
		}
		assertSameFile(t, filepath.Join(into, "file"), trees[large])
	})
}
