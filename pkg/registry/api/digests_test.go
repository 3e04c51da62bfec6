package api_test

import (
	"net/http"
	"testing"

	"github.com/opencontainers/go-digest"
	ocispec "github.com/opencontainers/image-spec/specs-go/v1"
	"gotest.tools/v3/assert"
	"gotest.tools/v3/assert/cmp"

	"github.com/converged-computing/oras-operator/pkg/registry/layout"
)

func TestABlobByAnotherDigest(t *testing.T) {
	everywhere(t, func(t *testing.T, r registry) {
		d := digest.SHA512.FromString("content")
		at := r.want(http.StatusAccepted, "POST", "/v2/step/blobs/uploads/", "").header.Get("Location")
		created := r.want(http.StatusCreated, "PUT", at+"&digest="+d.String(), "content")
		assert.Equal(t, created.header.Get("Docker-Content-Digest"), d.String())
		assert.Equal(t, created.header.Get("Location"), "/v2/step/blobs/"+d.String())

		path := "/v2/step/blobs/" + d.String()
		assert.Equal(t, r.want(http.StatusOK, "HEAD", path, "").header.Get("Docker-Content-Digest"), d.String())
		assert.Equal(t, r.want(http.StatusOK, "GET", path, "").body, "content")
		r.want(http.StatusOK, "GET", "/v2/step/blobs/"+digest.FromString("content").String(), "")

		r.want(http.StatusAccepted, "DELETE", path, "")
		r.want(http.StatusNotFound, "GET", path, "")
	})
}

func TestABlobsOtherNameGoesWithIt(t *testing.T) {
	everywhere(t, func(_ *testing.T, r registry) {
		d := r.blob("step", "content", digest.SHA512)
		r.want(http.StatusAccepted, "DELETE", "/v2/step/blobs/"+digest.FromString("content").String(), "")
		r.want(http.StatusNotFound, "GET", "/v2/step/blobs/"+d.String(), "")
	})
}

func TestAManifestByAnotherDigest(t *testing.T) {
	r := start(t, true)
	manifest := r.manifest("step", "application/vnd.test", "", "")
	d := digest.SHA512.FromString(manifest)
	created := r.put("step", d.String()+"?tag=v1&tag=latest", manifest)
	assert.Equal(t, created.header.Get("Docker-Content-Digest"), d.String())
	assert.Equal(t, created.header.Get("Location"), "/v2/step/manifests/"+d.String())
	assert.Check(t, cmp.DeepEqual(created.header.Values("OCI-Tag"), []string{"v1", "latest"}))

	for _, ref := range []string{d.String(), "v1", "latest"} {
		for _, method := range []string{"GET", "HEAD"} {
			resp := r.want(http.StatusOK, method, "/v2/step/manifests/"+ref, "")
			assert.Equal(t, resp.header.Get("Docker-Content-Digest"), d.String(), ref)
			assert.Equal(t, resp.header.Get("Content-Type"), ocispec.MediaTypeImageManifest)
		}
	}
	// The storage has it by the usual digest, as its own tools expect.
	content, err := r.driver.GetContent(t.Context(), layout.TagCurrent("step", "v1"))
	assert.NilError(t, err)
	assert.Equal(t, string(content), digest.FromString(manifest).String())
	r.want(http.StatusOK, "GET", "/v2/step/manifests/"+string(content), "")
}

func TestAManifestIsDeletedByAnyOfItsNames(t *testing.T) {
	for name, by := range map[string]digest.Algorithm{"by SHA-256": digest.SHA256, "by SHA-512": digest.SHA512} {
		t.Run(name, func(t *testing.T) {
			r := start(t, true)
			manifest := r.manifest("step", "application/vnd.test", "", "")
			r.put("step", digest.SHA512.FromString(manifest).String()+"?tag=v1", manifest)
			r.want(http.StatusAccepted, "DELETE", "/v2/step/manifests/"+by.FromString(manifest).String(), "")
			for _, ref := range []string{digest.FromString(manifest).String(), digest.SHA512.FromString(manifest).String(), "v1"} {
				resp := r.want(http.StatusNotFound, "GET", "/v2/step/manifests/"+ref, "")
				assert.Assert(t, cmp.Contains(resp.body, `"code":"MANIFEST_UNKNOWN"`))
			}
			assert.Assert(t, r.missing(layout.Revision("step", digest.SHA512.FromString(manifest))))
			r.want(http.StatusNotFound, "DELETE", "/v2/step/manifests/"+by.FromString(manifest).String(), "")
		})
	}
}

func TestATagThatMovesOnLosesItsOtherName(t *testing.T) {
	r := start(t, true)
	first, second := r.manifest("step", "application/vnd.test", "1", ""), r.manifest("step", "application/vnd.test", "2", "")
	r.put("step", digest.SHA512.FromString(first).String()+"?tag=v1", first)
	current := func() string {
		return r.want(http.StatusOK, "HEAD", "/v2/step/manifests/v1", "").header.Get("Docker-Content-Digest")
	}
	r.put("step", "v1", second)
	assert.Equal(t, current(), digest.FromString(second).String())
	r.put("step", "v1", first)
	assert.Equal(t, current(), digest.FromString(first).String())

	// Who looks after the tag has moved and before its name has, is not told of the old one.
	r.put("step", digest.SHA512.FromString(first).String()+"?tag=v1", first)
	assert.NilError(t, r.driver.PutContent(t.Context(), layout.TagCurrent("step", "v1"), []byte(digest.FromString(second))))
	assert.Equal(t, current(), digest.FromString(second).String())
}

func TestAPushThatIsRefused(t *testing.T) {
	r := start(t, true)
	manifest := r.manifest("step", "application/vnd.test", "", digest.FromString("subject"))
	tests := map[string]struct {
		ref, manifest string
		code          string
	}{
		"another digest":            {digest.FromString("x").String(), manifest, "DIGEST_INVALID"},
		"another digest by SHA-512": {digest.SHA512.FromString("x").String(), manifest, "DIGEST_INVALID"},
		"no digest":                 {"sha512:short", manifest, "DIGEST_INVALID"},
		"a bad tag":                 {digest.FromString(manifest).String() + "?tag=a/b", manifest, "TAG_INVALID"},
		"no manifest":               {"v1", "{", "MANIFEST_INVALID"},
		"too large":                 {"v1", string(make([]byte, 4<<20+1)), "MANIFEST_INVALID"},
	}
	for name, tc := range tests {
		t.Run(name, func(t *testing.T) {
			resp := r.want(http.StatusBadRequest, "PUT", "/v2/step/manifests/"+tc.ref, tc.manifest, "Content-Type", ocispec.MediaTypeImageManifest)
			assert.Assert(t, cmp.Contains(resp.body, `"code":"`+tc.code+`"`))
		})
	}
	assert.Assert(t, r.missing(layout.Revisions("step")))
}
