package collect

import (
	"testing"

	"gotest.tools/v3/assert"
)

func TestWhatARequestIsAbout(t *testing.T) {
	tests := map[string]struct {
		route            route
		repository, last string
	}{
		"/v2/step/blobs/sha256:ab":         {blobRoute, "step", "sha256:ab"},
		"/v2/deep/er/step/blobs/sha256:ab": {blobRoute, "deep/er/step", "sha256:ab"},
		"/v2/step/blobs/uploads/":          {uploadsRoute, "step", ""},
		"/v2/step/blobs/uploads":           {uploadsRoute, "step", ""},
		"/v2/step/blobs/uploads/1-2":       {uploadRoute, "step", "1-2"},
		"/v2/step/manifests/v1":            {manifestRoute, "step", "v1"},
		"/v2/a/manifests/blobs/uploads/1":  {uploadRoute, "a/manifests", "1"},
		"/v2/a/blobs/manifests/v1":         {manifestRoute, "a/blobs", "v1"},
		"/v2/a/blobs/uploads/manifests/v1": {manifestRoute, "a/blobs/uploads", "v1"},
		"/v2/":                             {},
		"/v2/step/tags/list":               {},
		"/v2/manifests":                    {},
		"/elsewhere/step/manifests/v1":     {},
		"":                                 {},
	}
	for p, want := range tests {
		t.Run(p, func(t *testing.T) {
			route, repository, last := target(p)
			assert.Equal(t, route, want.route)
			assert.Equal(t, repository, want.repository)
			assert.Equal(t, last, want.last)
		})
	}
}
