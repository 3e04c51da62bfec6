package faults

import (
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"strings"
)

// answer speaks for a registry that is not asked. It reads the request first: all of it, or as much as the rule says.
func (g *passage) answer(w http.ResponseWriter, r *http.Request) error {
	body := io.Reader(g.received(r.Body))
	if g.rule.After > 0 {
		body = io.LimitReader(body, g.rule.After)
	}
	if _, err := io.Copy(io.Discard, body); err != nil {
		return err
	}
	if g.rule.Do != Drop {
		return g.respond(w, r)
	}
	g.fire()
	return errors.Join(g.hold(nil), errReset)
}

// respond answers with a status in the registry's place.
func (g *passage) respond(w http.ResponseWriter, r *http.Request) error {
	g.fire()
	status, header := g.rule.Status, w.Header()
	if g.rule.Do == Redirect {
		status = http.StatusTemporaryRedirect
		header.Set("Location", strings.TrimSuffix(g.rule.Location, "/")+r.URL.RequestURI())
	}
	for name, value := range g.rule.Headers {
		header.Set(name, value)
	}
	if status >= http.StatusBadRequest {
		header.Set("Content-Type", "application/json")
	}
	w.WriteHeader(status)
	g.entry.answered(status)
	if status < http.StatusBadRequest || r.Method == http.MethodHead {
		return nil
	}
	n, err := w.Write(ociError(g.rule.Rule))
	g.entry.sent(n)
	return err
}

// ociError is the body of an error, OCI distribution specification 1.1, "Error Codes".
func ociError(r Rule) []byte {
	type one struct {
		Code    string `json:"code"`
		Message string `json:"message"`
	}
	body, err := json.Marshal(map[string][]one{"errors": {{errorCode(r), "rule " + r.Name}}})
	if err != nil {
		panic(err) // strings only: cannot fail
	}
	return body
}

// errorCode is the rule's own code, or the one that registries send with its status.
func errorCode(r Rule) string {
	switch {
	case r.Code != "":
		return r.Code
	case r.Status == http.StatusUnauthorized:
		return "UNAUTHORIZED"
	case r.Status == http.StatusForbidden:
		return "DENIED"
	case r.Status == http.StatusNotFound:
		return "NAME_UNKNOWN"
	case r.Status == http.StatusTooManyRequests:
		return "TOOMANYREQUESTS"
	}
	return "UNKNOWN"
}
