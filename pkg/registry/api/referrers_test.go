package api_test

import (
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"net/url"
	"path"
	"slices"
	"strings"
	"testing"

	"github.com/opencontainers/go-digest"
	ocispec "github.com/opencontainers/image-spec/specs-go/v1"
	"gotest.tools/v3/assert"
	"gotest.tools/v3/assert/cmp"

	"github.com/converged-computing/oras-operator/pkg/registry/api"
	"github.com/converged-computing/oras-operator/pkg/registry/layout"
)

// referrers lists what refers to subject, and what the answer says besides.
func (r registry) referrers(name string, subject digest.Digest, query string) (list []ocispec.Descriptor, header http.Header) {
	r.t.Helper()
	resp := r.want(http.StatusOK, "GET", "/v2/"+name+"/referrers/"+subject.String()+query, "")
	assert.Equal(r.t, resp.header.Get("Content-Type"), ocispec.MediaTypeImageIndex)
	var index ocispec.Index
	assert.NilError(r.t, json.Unmarshal([]byte(resp.body), &index))
	assert.Equal(r.t, index.SchemaVersion, 2)
	assert.Equal(r.t, index.MediaType, ocispec.MediaTypeImageIndex)
	assert.Assert(r.t, index.Manifests != nil)
	return index.Manifests, resp.header
}

func TestWhatRefersToAManifestIsListed(t *testing.T) {
	r := start(t, true)
	subject := digest.FromString("not pushed yet")
	list, _ := r.referrers("step", subject, "")
	assert.Equal(t, len(list), 0)

	manifest := r.manifest("step", "application/vnd.note", "hello", subject)
	created := r.put("step", "note", manifest)
	assert.Equal(t, created.header.Get("OCI-Subject"), subject.String())
	list, _ = r.referrers("step", subject, "")
	want := []ocispec.Descriptor{{
		MediaType: ocispec.MediaTypeImageManifest, Digest: digest.FromString(manifest), Size: int64(len(manifest)),
		ArtifactType: "application/vnd.note", Annotations: map[string]string{"note": "hello"},
	}}
	assert.Check(t, cmp.DeepEqual(list, want))
	list, _ = r.referrers("other", subject, "")
	assert.Equal(t, len(list), 0)

	r.want(http.StatusBadRequest, "GET", "/v2/step/referrers/sha256:short", "")
}

func TestReferrersAreFilteredByTheirType(t *testing.T) {
	r := start(t, true)
	subject := digest.FromString("subject")
	r.put("step", "note", r.manifest("step", "application/vnd.note", "", subject))
	r.put("step", "config", r.manifest("step", "", "", subject)) // its config's type is its own
	for artifactType, want := range map[string]int{
		"application/vnd.note": 1, ocispec.MediaTypeEmptyJSON: 1, "application/vnd.none": 0,
	} {
		list, header := r.referrers("step", subject, "?artifactType="+url.QueryEscape(artifactType))
		assert.Equal(t, len(list), want, artifactType)
		assert.Equal(t, header.Get("OCI-Filters-Applied"), "artifactType")
	}
	list, header := r.referrers("step", subject, "")
	assert.Equal(t, len(list), 2)
	assert.Equal(t, header.Get("OCI-Filters-Applied"), "")
}

func TestADeletedManifestRefersToNothing(t *testing.T) {
	r := start(t, true)
	subject := digest.FromString("subject")
	manifest := r.manifest("step", "application/vnd.note", "", subject)
	d, other := digest.FromString(manifest), digest.SHA512.FromString(manifest)
	r.put("step", d.String(), manifest)
	r.put("step", other.String(), manifest)
	list, _ := r.referrers("step", subject, "")
	assert.Equal(t, len(list), 2)
	r.want(http.StatusAccepted, "DELETE", "/v2/step/manifests/"+d.String(), "")
	list, _ = r.referrers("step", subject, "")
	assert.Equal(t, len(list), 0)
	assert.Assert(t, r.missing(layout.Referrer("step", subject, d)))
	assert.Assert(t, r.missing(layout.Referrer("step", subject, other)))
}

func TestAReferrerWhoseManifestIsGoneIsNotListed(t *testing.T) {
	subject := digest.FromString("subject")
	for name, gone := range map[string]func(digest.Digest) string{
		"its link": func(d digest.Digest) string { return layout.Revision("step", d) },
		"its data": layout.BlobData,
	} {
		t.Run(name, func(t *testing.T) {
			r := start(t, true)
			manifest := r.manifest("step", "application/vnd.note", "", subject)
			r.put("step", "note", manifest)
			assert.NilError(t, r.driver.Delete(t.Context(), gone(digest.FromString(manifest))))
			list, _ := r.referrers("step", subject, "")
			assert.Equal(t, len(list), 0)
		})
	}
}

func TestALinkToWhatRefersElsewhereIsNotListed(t *testing.T) {
	r := start(t, true)
	subject, other := digest.FromString("subject"), digest.FromString("other")
	manifest := r.manifest("step", "application/vnd.note", "", subject)
	r.put("step", "note", manifest)
	d := digest.FromString(manifest)
	assert.NilError(t, r.driver.PutContent(t.Context(), layout.Referrer("step", other, d), []byte(d)))
	list, _ := r.referrers("step", other, "")
	assert.Equal(t, len(list), 0)
}

func TestManifestsFromBeforeReferrersWereKeptAreFound(t *testing.T) {
	r := start(t, true)
	subject := digest.FromString("subject")
	manifest := r.manifest("step", "application/vnd.note", "", subject)
	// The library alone keeps no referrers.
	req := httptest.NewRequestWithContext(t.Context(), "PUT", "/v2/step/manifests/note", strings.NewReader(manifest))
	req.Header.Set("Content-Type", ocispec.MediaTypeImageManifest)
	rec := httptest.NewRecorder()
	r.library.ServeHTTP(rec, req)
	assert.Equal(t, rec.Code, http.StatusCreated, rec.Body)
	assert.Assert(t, r.missing(layout.Referrers("step")))

	list, _ := r.referrers("step", subject, "")
	assert.Equal(t, len(list), 1)
	// It is looked for once: a link that is lost later stays so.
	assert.NilError(t, r.driver.Delete(t.Context(), path.Dir(layout.Referrer("step", subject, digest.FromString(manifest)))))
	list, _ = r.referrers("step", subject, "")
	assert.Equal(t, len(list), 0)
}

func TestAskingForReferrersMakesNoRepository(t *testing.T) {
	r := start(t, true)
	r.referrers("step", digest.FromString("subject"), "")
	assert.Assert(t, r.missing(layout.Repository("step")))
}

// stopped is a library that does something before it answers.
type stopped struct {
	http.Handler
	before func(*http.Request)
}

func (s stopped) ServeHTTP(w http.ResponseWriter, req *http.Request) {
	s.before(req)
	s.Handler.ServeHTTP(w, req)
}

func TestThatAManifestRefersIsKnownBeforeItIsThere(t *testing.T) {
	r := start(t, true)
	subject := digest.FromString("subject")
	manifest := r.manifest("step", "application/vnd.note", "", subject)
	link := layout.Referrer("step", subject, digest.FromString(manifest))
	var known, lost bool
	handler := api.New(api.Options{Driver: r.driver, Root: r.root, Library: stopped{r.library, func(*http.Request) {
		known = !r.missing(link)
		// Who deletes the manifest at this moment removes the link.
		lost = r.driver.Delete(t.Context(), link) == nil
	}}})
	req := httptest.NewRequestWithContext(t.Context(), "PUT", "/v2/step/manifests/note", strings.NewReader(manifest))
	req.Header.Set("Content-Type", ocispec.MediaTypeImageManifest)
	rec := httptest.NewRecorder()
	handler.ServeHTTP(rec, req)
	assert.Equal(t, rec.Code, http.StatusCreated, rec.Body)
	assert.Assert(t, known, "the manifest was there before the link from its subject")
	assert.Assert(t, lost)
	assert.Assert(t, !r.missing(link), "the link was not written again")
}

func TestManyReferrersComeInPages(t *testing.T) {
	tests := map[string]struct {
		referrers int
		note      string
		pages     int
	}{
		"more than are looked at for an answer": {260, "", 2},
		"more than fit in an answer":            {3, strings.Repeat("x", 3<<20/2), 2},
	}
	for name, tc := range tests {
		t.Run(name, func(t *testing.T) {
			r := start(t, true)
			subject := digest.FromString("subject")
			var want []string
			for i := range tc.referrers {
				// Written as they are kept: the library takes its time for each.
				manifest := fmt.Sprintf(`{"mediaType":%q,"artifactType":"a/b","subject":{"digest":%q},"annotations":{"n":"%d","note":%q}}`,
					ocispec.MediaTypeImageManifest, subject, i, tc.note)
				d := digest.FromString(manifest)
				want = append(want, d.String())
				for file, content := range map[string]string{
					layout.BlobData(d): manifest, layout.Revision("step", d): d.String(), layout.Referrer("step", subject, d): d.String(),
				} {
					assert.NilError(t, r.driver.PutContent(t.Context(), file, []byte(content)))
				}
			}
			slices.Sort(want)

			var got []string
			pages := 0
			for query := "?artifactType=a/b"; query != ""; pages++ {
				list, header := r.referrers("step", subject, query)
				for _, desc := range list {
					got = append(got, desc.Digest.String())
				}
				link, more := strings.CutSuffix(header.Get("Link"), `>; rel="next"`)
				query = strings.TrimPrefix(link, "</v2/step/referrers/"+subject.String())
				assert.Equal(t, more, query != "")
			}
			assert.Check(t, cmp.DeepEqual(got, want))
			assert.Equal(t, pages, tc.pages)
		})
	}
}
