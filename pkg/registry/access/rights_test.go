package access

import (
	"net/http/httptest"
	"testing"

	"gotest.tools/v3/assert"
)

func TestEachRequestNeedsItsRights(t *testing.T) {
	const digest = "sha256:e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"
	none, pull, push, del := []Right(nil), []Right{Pull}, []Right{Push}, []Right{Delete}
	mount, all := []Right{Pull, Push}, []Right{Pull, Push, Delete}
	tests := map[string]struct {
		method, path string
		want         []Right
	}{
		"finding out whether credentials are good":      {"GET", "/v2/", none},
		"the same without its slash":                    {"GET", "/v2", none},
		"the same without a body":                       {"HEAD", "/v2/", none},
		"the same with a query":                         {"GET", "/v2/?n=1", none},
		"writing to the root":                           {"POST", "/v2/", push},
		"deleting the root":                             {"DELETE", "/v2/", del},
		"the catalog":                                   {"GET", "/v2/_catalog", pull},
		"a page of the catalog":                         {"GET", "/v2/_catalog?n=10&last=a", pull},
		"tags":                                          {"GET", "/v2/a/b/tags/list", pull},
		"a manifest by tag":                             {"GET", "/v2/a/b/manifests/v1", pull},
		"a manifest by digest":                          {"GET", "/v2/a/b/manifests/" + digest, pull},
		"whether a manifest is there":                   {"HEAD", "/v2/a/b/manifests/v1", pull},
		"a blob":                                        {"GET", "/v2/a/b/blobs/" + digest, pull},
		"whether a blob is there":                       {"HEAD", "/v2/a/b/blobs/" + digest, pull},
		"referrers":                                     {"GET", "/v2/a/b/referrers/" + digest, pull},
		"referrers of a type":                           {"GET", "/v2/a/b/referrers/" + digest + "?artifactType=x", pull},
		"how far an upload is":                          {"GET", "/v2/a/b/blobs/uploads/uuid", pull},
		"a path outside of the API":                     {"GET", "/", pull},
		"a path of no API":                              {"GET", "/v3/a", pull},
		"a repository called manifests":                 {"GET", "/v2/manifests/manifests/manifests", pull},
		"the options of a route":                        {"OPTIONS", "/v2/a/manifests/v1", pull},
		"putting a manifest":                            {"PUT", "/v2/a/b/manifests/v1", push},
		"beginning an upload":                           {"POST", "/v2/a/b/blobs/uploads/", push},
		"an upload in one request":                      {"POST", "/v2/a/b/blobs/uploads/?digest=" + digest, push},
		"an upload with another algorithm":              {"POST", "/v2/a/b/blobs/uploads/?digest-algorithm=sha512", push},
		"a chunk":                                       {"PATCH", "/v2/a/b/blobs/uploads/uuid?_state=x", push},
		"the end of an upload":                          {"PUT", "/v2/a/b/blobs/uploads/uuid?digest=" + digest, push},
		"mounting a blob of a repository":               {"POST", "/v2/a/b/blobs/uploads/?mount=" + digest + "&from=c", mount},
		"mounting a blob of any repository":             {"POST", "/v2/a/b/blobs/uploads/?mount=" + digest, mount},
		"mounting with the source first":                {"POST", "/v2/a/b/blobs/uploads/?from=c&mount=" + digest, mount},
		"mounting nothing":                              {"POST", "/v2/a/b/blobs/uploads/?mount", mount},
		"mounting with an escaped key":                  {"POST", "/v2/a/b/blobs/uploads/?%6dount=" + digest, mount},
		"giving an upload up":                           {"DELETE", "/v2/a/b/blobs/uploads/uuid", push},
		"deleting a tag":                                {"DELETE", "/v2/a/b/manifests/v1", del},
		"deleting a manifest":                           {"DELETE", "/v2/a/b/manifests/" + digest, del},
		"deleting a blob":                               {"DELETE", "/v2/a/b/blobs/" + digest, del},
		"deleting a tag of a repository called uploads": {"DELETE", "/v2/a/blobs/uploads/manifests/v1", del},
		"deleting a blob of a repository called so":     {"DELETE", "/v2/a/blobs/uploads/blobs/" + digest, del},
		"giving up an upload into that repository":      {"DELETE", "/v2/a/blobs/uploads/blobs/uploads/uuid", push},
		"deleting all uploads":                          {"DELETE", "/v2/a/blobs/uploads/", del},
		"an upload into no repository":                  {"DELETE", "/v2/blobs/uploads/uuid", del},
		"deleting what looks like an upload elsewhere":  {"DELETE", "/v3/a/blobs/uploads/uuid", del},
		"deleting with an escaped slash":                {"DELETE", "/v2/a/blobs/uploads/manifests%2Fv1", del},
		"deleting a path that climbs":                   {"DELETE", "/v2/a/blobs/uploads/../manifests/v1", del},
		"deleting after a double slash":                 {"DELETE", "/v2/a//manifests/v1", del},
		"a method that no registry knows":               {"PROPFIND", "/v2/a/manifests/v1", all},
		"a method in lower case":                        {"delete", "/v2/a/manifests/v1", all},
		"a trace":                                       {"TRACE", "/v2/", all},
	}
	for name, tc := range tests {
		t.Run(name, func(t *testing.T) {
			assert.DeepEqual(t, rightsOf(httptest.NewRequest(tc.method, tc.path, nil)), tc.want)
		})
	}
}
