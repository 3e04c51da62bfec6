package webhook

import "net/http"

// parting has the API server give up its connection with each answer while ending says so: on one that it kept, it might be
// about to ask just when the replica stops, and takes that for a denial.
func parting(ending func() bool, next http.Handler) http.Handler {
	if ending == nil {
		return next
	}
	return http.HandlerFunc(func(w http.ResponseWriter, req *http.Request) {
		if ending() {
			w.Header().Set("Connection", "close")
		}
		next.ServeHTTP(w, req)
	})
}
