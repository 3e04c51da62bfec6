package registry

import (
	"testing"

	"gotest.tools/v3/assert"
)

func TestTheRouteOfAPath(t *testing.T) {
	tests := map[string]struct{ path, want string }{
		"the base":                                {"/v2/", "base"},
		"the base without its slash":              {"/v2", "base"},
		"the catalog":                             {"/v2/_catalog", "catalog"},
		"tags":                                    {"/v2/a/b/tags/list", "tags"},
		"a manifest by tag":                       {"/v2/step/manifests/v1", "manifest"},
		"a manifest by digest":                    {"/v2/step/manifests/sha256:00", "manifest"},
		"referrers":                               {"/v2/step/referrers/sha256:00", "referrers"},
		"a blob":                                  {"/v2/step/blobs/sha256:00", "blob"},
		"the beginning of an upload":              {"/v2/step/blobs/uploads/", "upload"},
		"an upload":                               {"/v2/step/blobs/uploads/some-id", "upload"},
		"an upload without its slash":             {"/v2/step/blobs/uploads", "upload"},
		"a repository with the API's words":       {"/v2/blobs/uploads/manifests/v1", "manifest"},
		"an upload into such a repository":        {"/v2/tags/list/blobs/uploads/id", "upload"},
		"a blob of a repository called manifests": {"/v2/manifests/blobs/sha256:00", "blob"},
		"no repository":                           {"/v2/manifests/v1", "other"},
		"no repository of an upload":              {"/v2/blobs/uploads/id", "other"},
		"nothing that is there":                   {"/favicon.ico", "other"},
		"nothing of the API":                      {"/v2/step", "other"},
		"nothing at all":                          {"", "other"},
		"another version":                         {"/v1/search", "other"},
	}
	for name, tc := range tests {
		t.Run(name, func(t *testing.T) {
			assert.Equal(t, route(tc.path), tc.want)
		})
	}
}
