package api_test

import (
	"encoding/json"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"testing"

	"github.com/opencontainers/go-digest"
	"gotest.tools/v3/assert"
)

// TestRepositoriesWithoutManifestsAreNotListed has one repository in three that is full, among one that was emptied and one of a blob only.
func TestRepositoriesWithoutManifestsAreNotListed(t *testing.T) {
	r := start(t, true)
	var want []string
	for i := range 8 {
		full, emptied, blobs := fmt.Sprintf("r%d/full", i), fmt.Sprintf("r%d/emptied", i), fmt.Sprintf("r%d/blobs", i)
		for _, name := range []string{full, emptied} {
			r.put(name, "v1", r.manifest(name, "application/vnd.test", "", ""))
		}
		gone := digest.FromString(r.manifest(emptied, "application/vnd.test", "", ""))
		r.want(http.StatusAccepted, "DELETE", "/v2/"+emptied+"/manifests/"+gone.String(), "")
		r.blob(blobs, "{}", digest.SHA256)
		want = append(want, full)
	}
	for query, pages := range map[string]int{"": 1, "?n=100000": 1, "?n=3": 3, "?n=1": 9} {
		var got []string
		asked := 0
		for next := "/v2/_catalog" + query; next != ""; asked++ {
			resp := r.want(http.StatusOK, "GET", next, "")
			var page struct{ Repositories []string }
			assert.NilError(t, json.Unmarshal([]byte(resp.body), &page))
			assert.Assert(t, page.Repositories != nil)
			got = append(got, page.Repositories...)
			link, more := strings.CutSuffix(resp.header.Get("Link"), `>; rel="next"`)
			next = strings.TrimPrefix(link, "<")
			assert.Equal(t, more, next != "")
		}
		assert.DeepEqual(t, got, want)
		assert.Assert(t, asked <= pages, "%q took %d pages", query, asked)
	}
	assert.Equal(t, r.want(http.StatusOK, "GET", "/v2/_catalog?n=0", "").body, `{"repositories":[]}`+"\n")
	assert.Equal(t, r.want(http.StatusOK, "GET", "/v2/_catalog?last=r7/full", "").body, `{"repositories":[]}`+"\n")
}

// TestRepositoriesBelowOthersAreListedOnce has names of which some sort before what their parent has of its own, and others after it.
func TestRepositoriesBelowOthersAreListedOnce(t *testing.T) {
	names := []string{"0", "run/1", "run/1/2", "run", "run/a", "run-2", "sweep"}
	listed := func(t *testing.T, r registry) {
		for _, name := range names {
			r.put(name, "v1", r.manifest(name, "application/vnd.test", "", ""))
		}
		for n := 1; n <= len(names); n++ {
			var got []string
			for next := fmt.Sprintf("/v2/_catalog?n=%d", n); next != ""; {
				resp := r.want(http.StatusOK, "GET", next, "")
				var page struct{ Repositories []string }
				assert.NilError(t, json.Unmarshal([]byte(resp.body), &page))
				got = append(got, page.Repositories...)
				link, _ := strings.CutSuffix(resp.header.Get("Link"), `>; rel="next"`)
				next = strings.TrimPrefix(link, "<")
			}
			slices.Sort(got)
			assert.DeepEqual(t, got, slices.Sorted(slices.Values(names)))
		}
		for _, last := range []string{"nowhere", "../../..", "run/1/2/3", "%2Fsweep"} {
			r.want(http.StatusOK, "GET", "/v2/_catalog?last="+last, "")
		}
	}
	everywhere(t, listed)
	t.Run("from a bucket", func(t *testing.T) { listed(t, startInBucket(t)) })
}
