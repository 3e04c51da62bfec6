package imageconfig_test

import (
	"bytes"
	"compress/gzip"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"runtime"
	"runtime/metrics"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-containerregistry/pkg/v1/types"
	"gotest.tools/v3/assert"
	"gotest.tools/v3/assert/cmp"

	"github.com/converged-computing/oras-operator/pkg/imageconfig"
)

const mib = 1 << 20

// filler is what large answers are made of, so that they are not in memory themselves.
type filler struct{ unit string }

func (f filler) of(times int) io.Reader {
	lines := strings.Repeat(f.unit, 1024)
	var parts []io.Reader
	for range times / 1024 {
		parts = append(parts, strings.NewReader(lines))
	}
	return io.MultiReader(parts...)
}

// attack is a registry whose every image is made to fill the memory of whoever looks it up. The name of its repository says
// how.
func attack(squeezed []byte, w http.ResponseWriter, r *http.Request) {
	config := func() io.Reader { // differs by repository
		return io.MultiReader(strings.NewReader(`{"config":{"Entrypoint":["`+r.URL.Path[:len("/v2/entrypoint/00")]+`","`),
			filler{"x"}.of(4*mib-128*1024), strings.NewReader(`"]}}`))
	}
	manifest := func(size int64, digest string) {
		answer := fmt.Sprintf(`{"config":{"size":%d,"digest":"sha256:%s"}}`, size, digest)
		sum := sha256.Sum256([]byte(answer))
		w.Header().Set("Docker-Content-Digest", "sha256:"+hex.EncodeToString(sum[:]))
		w.Header().Set("Content-Length", fmt.Sprint(len(answer)))
		io.WriteString(w, answer) //nolint:errcheck // the client may be gone
	}
	blob := strings.Contains(r.URL.Path, "/blobs/")
	if r.URL.Path != "/v2/" {
		w.Header().Set("Content-Type", string(types.OCIManifestSchema1))
	}
	switch {
	case strings.HasPrefix(r.URL.Path, "/v2/endless/") && blob:
		io.Copy(w, filler{" "}.of(16*mib)) //nolint:errcheck // the client may be gone
	case strings.HasPrefix(r.URL.Path, "/v2/announced/") && blob:
		w.Header().Set("Content-Length", fmt.Sprint(1<<40))
		w.WriteHeader(http.StatusOK)
	case strings.HasPrefix(r.URL.Path, "/v2/endless/"), strings.HasPrefix(r.URL.Path, "/v2/announced/"):
		manifest(100, strings.Repeat("a", 64))
	case strings.HasPrefix(r.URL.Path, "/v2/negative/"):
		manifest(-1, strings.Repeat("a", 64))
	case strings.HasPrefix(r.URL.Path, "/v2/entrypoint/") && blob:
		io.Copy(w, config()) //nolint:errcheck // the client may be gone
	case strings.HasPrefix(r.URL.Path, "/v2/entrypoint/"):
		sum := sha256.New()
		size, _ := io.Copy(sum, config())
		manifest(size, hex.EncodeToString(sum.Sum(nil)))
	case strings.HasPrefix(r.URL.Path, "/v2/squeezed/") && r.Method == http.MethodGet:
		w.Header().Set("Content-Encoding", "gzip")
		w.Write(squeezed) //nolint:errcheck // the client may be gone
	case strings.HasPrefix(r.URL.Path, "/v2/layers/") && r.Method == http.MethodGet:
		io.Copy(w, io.MultiReader(strings.NewReader(`{"layers":[`), filler{"{},"}.of(mib/4), strings.NewReader("{}]}"))) //nolint:errcheck // the client may be gone
	case strings.HasPrefix(r.URL.Path, "/v2/manifests/") && r.Method == http.MethodGet:
		w.Header().Set("Content-Type", string(types.OCIImageIndex))
		io.Copy(w, io.MultiReader(strings.NewReader(`{"manifests":[`), filler{"{},"}.of(mib/4), strings.NewReader("{}]}"))) //nolint:errcheck // the client may be gone
	}
}

// growth is by how much the heap grew at most while something was done, in bytes.
func growth(do func()) uint64 {
	heap := func() uint64 {
		sample := []metrics.Sample{{Name: "/memory/classes/heap/objects:bytes"}}
		metrics.Read(sample)
		return sample[0].Value.Uint64()
	}
	runtime.GC()
	before, peak := heap(), uint64(0)
	done, measured := make(chan struct{}), make(chan struct{})
	go func() {
		defer close(measured)
		for {
			peak = max(peak, heap())
			select {
			case <-done:
				return
			case <-time.After(time.Millisecond):
			}
		}
	}()
	do()
	close(done)
	<-measured
	return peak - min(peak, before)
}

// A replica of the operator has 256 MiB for everything.
func TestNoImageFillsTheMemory(t *testing.T) {
	var squeezed bytes.Buffer
	zip := gzip.NewWriter(&squeezed)
	_, err := io.Copy(zip, filler{" "}.of(24*mib))
	assert.NilError(t, err)
	assert.NilError(t, zip.Close())
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { attack(squeezed.Bytes(), w, r) }))
	defer server.Close()
	for how, test := range map[string]struct {
		images int
		want   error
	}{
		"endless":    {60, imageconfig.ErrTooLarge},
		"announced":  {60, imageconfig.ErrTooLarge},
		"negative":   {1, imageconfig.ErrTooLarge},
		"squeezed":   {60, imageconfig.ErrEncoded},
		"entrypoint": {12, imageconfig.ErrTooLarge},
		"layers":     {16, imageconfig.ErrAnswer},
		"manifests":  {16, imageconfig.ErrTooLarge},
	} {
		t.Run(how, func(t *testing.T) {
			lookup := imageconfig.New(imageconfig.Options{AllowLoopback: true, Timeout: 10 * time.Minute})
			grown := growth(func() {
				var all sync.WaitGroup
				for i := range test.images {
					image := fmt.Sprintf("%s/%s/%02d:v1", strings.TrimPrefix(server.URL, "http://"), how, i)
					all.Go(func() {
						_, err := lookup.Command(t.Context(), image, nil, anonymous())
						assert.Check(t, cmp.ErrorIs(err, test.want))
					})
				}
				all.Wait()
			})
			t.Logf("the heap grew by %d MiB", grown/mib)
			assert.Assert(t, grown < 128*mib, "the heap grew by %d MiB", grown/mib)
			runtime.KeepAlive(lookup)
		})
	}
}
