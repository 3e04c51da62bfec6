package api

import (
	"testing"

	"gotest.tools/v3/assert"
)

func TestAPathIsTakenApartFromItsEnd(t *testing.T) {
	for path, want := range map[string]place{
		"/v2/step/manifests/v1":              {kindManifest, "step", "v1"},
		"/v2/deep/er/step/blobs/sha256:ab":   {kindBlob, "deep/er/step", "sha256:ab"},
		"/v2/step/blobs/uploads/":            {kindUpload, "step", ""},
		"/v2/step/blobs/uploads":             {kindUpload, "step", ""},
		"/v2/step/blobs/uploads/id":          {kindUpload, "step", "id"},
		"/v2/step/referrers/sha256:ab":       {kindReferrers, "step", "sha256:ab"},
		"/v2/blobs/uploads/manifests/v1":     {kindManifest, "blobs/uploads", "v1"},
		"/v2/a/blobs/manifests/blobs/d":      {kindBlob, "a/blobs/manifests", "d"},
		"/v2/_catalog":                       {kind: kindCatalog},
		"/v2/":                               {},
		"/v2/step/tags/list":                 {},
		"/v2/manifests/v1":                   {},
		"/v2/../../etc/blobs/d":              {},
		"/v2/UPPER/blobs/d":                  {},
		"/v2/step//blobs/d":                  {},
		"/v2/_catalog/manifests/v1":          {},
		"/v2/step/_manifests/x/manifests/v1": {},
		"/v2/step/uploads/id":                {},
		"/v3/step/manifests/v1":              {},
		"":                                   {},
	} {
		assert.Equal(t, parse(path), want, path)
	}
}

func TestARangeIsRead(t *testing.T) {
	for value, want := range map[string][2]int64{
		"0-0": {0, 1}, "5-9": {5, 5}, "bytes 5-9/10": {5, 5}, "bytes=5-9": {5, 5}, " 5-9 ": {5, 5}, "bytes 5-9/*": {5, 5},
	} {
		start, length, ok := parseRange(value)
		assert.Assert(t, ok, value)
		assert.Equal(t, [2]int64{start, length}, want, value)
	}
	for _, value := range []string{"", "5", "5-", "-5", "9-5", "a-b", "5-9-10", "99999999999999999999-99999999999999999999", "bytes */5"} {
		_, _, ok := parseRange(value)
		assert.Assert(t, !ok, value)
	}
}
