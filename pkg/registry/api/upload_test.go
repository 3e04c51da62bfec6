package api_test

import (
	"io"
	"net/http"
	"strings"
	"testing"

	"github.com/opencontainers/go-digest"
	"gotest.tools/v3/assert"
	"gotest.tools/v3/assert/cmp"
)

func TestABlobIsUploadedInOneRequest(t *testing.T) {
	everywhere(t, func(t *testing.T, r registry) {
		for _, algorithm := range []digest.Algorithm{digest.SHA256, digest.SHA384, digest.SHA512} {
			d := algorithm.FromString("whole")
			resp := r.want(http.StatusCreated, "POST", "/v2/step/blobs/uploads/?digest="+d.String(), "whole")
			assert.Equal(t, resp.header.Get("Docker-Content-Digest"), d.String())
			got := r.want(http.StatusOK, "GET", resp.header.Get("Location"), "")
			assert.Equal(t, got.body, "whole")
			assert.Equal(t, got.header.Get("Docker-Content-Digest"), d.String())
		}
	})
}

func TestABlobThatIsNotWhatItsDigestSaysIsRefused(t *testing.T) {
	r := start(t, true)
	for name, want := range map[string]string{
		"by SHA-256": digest.FromString("another").String(),
		"by SHA-512": digest.SHA512.FromString("another").String(),
		"no digest":  "sha256:short",
	} {
		t.Run(name, func(t *testing.T) {
			resp := r.want(http.StatusBadRequest, "POST", "/v2/step/blobs/uploads/?digest="+want, "whole")
			assert.Assert(t, cmp.Contains(resp.body, `"code":"DIGEST_INVALID"`))
		})
	}
}

func TestAMount(t *testing.T) {
	tests := map[string]struct {
		algorithm digest.Algorithm
		from      string
		want      int
	}{
		"from a repository that has it":             {digest.SHA256, "&from=step", http.StatusCreated},
		"from a repository that has it, by SHA-512": {digest.SHA512, "&from=step", http.StatusCreated},
		"from anywhere":                             {digest.SHA256, "", http.StatusCreated},
		"from anywhere, by SHA-512":                 {digest.SHA512, "", http.StatusAccepted},
		"from a repository that has it not":         {digest.SHA256, "&from=empty", http.StatusAccepted},
		"from no repository that could be":          {digest.SHA256, "&from=../step", http.StatusAccepted},
	}
	for name, tc := range tests {
		t.Run(name, func(t *testing.T) {
			everywhere(t, func(t *testing.T, r registry) {
				d := r.blob("step", "shared", tc.algorithm)
				resp := r.want(tc.want, "POST", "/v2/other/blobs/uploads/?mount="+d.String()+tc.from, "")
				if tc.want == http.StatusAccepted {
					assert.Assert(t, strings.HasPrefix(resp.header.Get("Location"), "/v2/other/blobs/uploads/"))
					r.want(http.StatusNotFound, "HEAD", "/v2/other/blobs/"+d.String(), "")
					return
				}
				assert.Equal(t, resp.header.Get("Docker-Content-Digest"), d.String())
				assert.Equal(t, r.want(http.StatusOK, "GET", resp.header.Get("Location"), "").body, "shared")
			})
		})
	}
}

func TestAMountOfWhatNobodyHasBeginsAnUpload(t *testing.T) {
	r := start(t, true)
	d := digest.FromString("nothing")
	resp := r.want(http.StatusAccepted, "POST", "/v2/other/blobs/uploads/?mount="+d.String(), "")
	r.want(http.StatusCreated, "PUT", resp.header.Get("Location")+"&digest="+d.String(), "nothing")
}

func TestChunksComeInOrder(t *testing.T) {
	tests := map[string]struct {
		contentRange string
		want         int
	}{
		"in order":             {"5-9", http.StatusAccepted},
		"in HTTP's form":       {"bytes 5-9/*", http.StatusAccepted},
		"with a gap":           {"6-10", http.StatusRequestedRangeNotSatisfiable},
		"again":                {"0-4", http.StatusRequestedRangeNotSatisfiable},
		"with its end first":   {"9-5", http.StatusRequestedRangeNotSatisfiable},
		"with something else":  {"all of it", http.StatusRequestedRangeNotSatisfiable},
		"without saying where": {"", http.StatusAccepted},
	}
	for name, tc := range tests {
		for _, sized := range []bool{true, false} {
			t.Run(name, func(t *testing.T) {
				r := start(t, true)
				at := r.want(http.StatusAccepted, "POST", "/v2/step/blobs/uploads/", "").header.Get("Location")
				at = r.want(http.StatusAccepted, "PATCH", at, "01234", "Content-Range", "0-4").header.Get("Location")
				var body io.Reader = strings.NewReader("56789")
				if !sized {
					body = io.MultiReader(body) // whose length Go's client does not know
				}
				req, err := http.NewRequestWithContext(t.Context(), "PATCH", r.url+at, body)
				assert.NilError(t, err)
				if tc.contentRange != "" {
					req.Header.Set("Content-Range", tc.contentRange)
				}
				resp, err := http.DefaultClient.Do(req)
				assert.NilError(t, err)
				assert.NilError(t, resp.Body.Close())
				assert.Equal(t, resp.StatusCode, tc.want)

				status := r.want(http.StatusNoContent, "GET", at, "")
				want := "0-4"
				if tc.want == http.StatusAccepted {
					want = "0-9"
				}
				assert.Equal(t, status.header.Get("Range"), want)
			})
		}
	}
}
