package registry

import (
	"encoding/json"
	"net/http"
)

// refusal is an answer that says why not, as the OCI distribution specification has it.
type refusal struct {
	status  int
	code    string // one of the specification's
	message string // a sentence
}

// answer gives r to the client. Of the header that was meant for another answer it removes what would be wrong.
func (r refusal) answer(w http.ResponseWriter) {
	for _, name := range []string{
		"Content-Length", "Location", "Range", "Etag", "Docker-Upload-UUID", "Docker-Content-Digest",
	} {
		w.Header().Del(name)
	}
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(r.status)
	type line struct {
		Code    string `json:"code"`
		Message string `json:"message"`
	}
	//nolint:errcheck // who asked is gone
	json.NewEncoder(w).Encode(map[string][]line{"errors": {{r.code, r.message}}})
}

// overruled holds back the answer of a handler if decide, which is given its status, knows a better one.
type overruled struct {
	http.ResponseWriter
	decide  func(status int) *refusal
	instead *refusal
	decided bool
}

func (o *overruled) WriteHeader(status int) {
	if status >= http.StatusOK && !o.decided {
		o.decided = true
		o.instead = o.decide(status)
	}
	if o.instead == nil {
		o.ResponseWriter.WriteHeader(status)
	}
}

func (o *overruled) Write(p []byte) (int, error) {
	if !o.decided {
		o.WriteHeader(http.StatusOK)
	}
	if o.instead != nil {
		return len(p), nil
	}
	return o.ResponseWriter.Write(p)
}

// end is called once the handler has ended, with what to do before another answer is given than its own.
func (o *overruled) end(before func()) {
	if !o.decided {
		o.WriteHeader(http.StatusOK)
	}
	if o.instead != nil {
		before()
		o.instead.answer(o.ResponseWriter)
	}
}

// Unwrap lets [http.ResponseController] find what else the writer can do.
func (o *overruled) Unwrap() http.ResponseWriter { return o.ResponseWriter }
