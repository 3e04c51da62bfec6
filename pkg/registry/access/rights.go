package access

import (
	"net/http"
	"regexp"
)

// Right is something that one may be allowed to do with an OrasCache. Its text is the verb that RBAC knows it by.
type Right string

// All rights.
const (
	Pull   Right = "pull"
	Push   Right = "push"
	Delete Right = "delete"
)

// uploadPath matches an upload under way. No other route of the distribution API ends like this: what stands before the last
// segment tells an upload from a blob, and from a manifest in a repository that is called so.
var uploadPath = regexp.MustCompile(`^/v2/.+/blobs/uploads/[^/]+$`)

// rightsOf returns the rights that a request needs, all of them. It is none for /v2/ itself, by which clients find out
// whether their credentials are good. A request that no registry knows needs what its method suggests, or everything.
func rightsOf(req *http.Request) []Right {
	path := req.URL.Path
	switch req.Method {
	case http.MethodGet, http.MethodHead:
		if path == "/v2/" || path == "/v2" {
			return nil
		}
		return []Right{Pull}
	case http.MethodOptions:
		return []Right{Pull}
	case http.MethodPost:
		if req.URL.Query().Has("mount") { // all repositories are of one cache: whoever may read one may read the source
			return []Right{Pull, Push}
		}
		return []Right{Push}
	case http.MethodPut, http.MethodPatch:
		return []Right{Push}
	case http.MethodDelete:
		if uploadPath.MatchString(path) {
			return []Right{Push}
		}
		return []Right{Delete}
	default:
		return []Right{Pull, Push, Delete}
	}
}
