package registry

import (
	"net/http"
	"strconv"
	"sync/atomic"
)

// uploadRetryAfter is in seconds: when a client that was turned away is to try again.
const uploadRetryAfter = 2

// uploads counts the requests that send content, and turns away those over max; a max of 0 is none.
type uploads struct {
	max     int64
	current atomic.Int64
}

// limit counts the uploads that next answers.
func (u *uploads) limit(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, req *http.Request) {
		if !sendsContent(req) {
			next.ServeHTTP(w, req)
			return
		}
		defer u.current.Add(-1)
		if now := u.current.Add(1); u.max > 0 && now > u.max {
			w.Header().Set("Retry-After", strconv.Itoa(uploadRetryAfter))
			refusal{
				http.StatusTooManyRequests, "TOOMANYREQUESTS",
				"The registry takes no more uploads at the same time: try again in a moment.",
			}.answer(w)
			return
		}
		next.ServeHTTP(w, req)
	})
}

// sendsContent tells whether a request sends some of a blob: a part of an upload, its last part, or all of it at once.
func sendsContent(req *http.Request) bool {
	if req.ContentLength == 0 || route(req.URL.Path) != "upload" {
		return false
	}
	switch req.Method {
	case http.MethodPatch, http.MethodPut:
		return true
	case http.MethodPost:
		return req.URL.Query().Get("digest") != ""
	default:
		return false
	}
}
