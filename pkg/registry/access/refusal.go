package access

import (
	"encoding/json"
	"fmt"
	"net/http"
	"strings"
	"time"
)

// Why a request is refused or let through, in a word, for [Decision.Reason].
const (
	reasonOK    = "ok"
	reasonStale = "stale" // let through by an answer that could not be renewed

	reasonNone        = "none"
	reasonMalformed   = "malformed"
	reasonAlgorithm   = "algorithm"
	reasonKey         = "key"
	reasonSignature   = "signature"
	reasonIssuer      = "issuer"
	reasonAudience    = "audience"
	reasonExpired     = "expired"
	reasonEarly       = "early"
	reasonNamespace   = "namespace"
	reasonPassword    = "password"
	reasonRight       = "right"
	reasonBusy        = "busy"
	reasonUnavailable = "unavailable"
)

// retryAfter is what a caller who is refused for a reason of ours is told to wait.
const retryAfter = 5 * time.Second

// refusal is why a request is not answered, as its sender is told: one sentence without a secret in it.
type refusal struct {
	status  int
	reason  string
	message string
}

func (r *refusal) Error() string { return r.message }

func unauthorized(reason, format string, args ...any) *refusal {
	return &refusal{status: http.StatusUnauthorized, reason: reason, message: fmt.Sprintf(format, args...)}
}

func unavailable(message string) *refusal {
	return &refusal{status: http.StatusServiceUnavailable, reason: reasonUnavailable, message: message}
}

// code is the refusal in the words of the distribution API.
func (r *refusal) code() string {
	switch r.status {
	case http.StatusUnauthorized:
		return "UNAUTHORIZED"
	case http.StatusForbidden:
		return "DENIED"
	case http.StatusTooManyRequests:
		return "TOOMANYREQUESTS"
	default:
		return "UNAVAILABLE"
	}
}

// answer tells r to who sent req.
func (r *refusal) answer(w http.ResponseWriter, req *http.Request, realm string) {
	header := w.Header()
	header.Set("Docker-Distribution-API-Version", "registry/2.0")
	header.Set("Content-Type", "application/json")
	header.Set("Cache-Control", "no-store")
	switch r.status {
	case http.StatusUnauthorized:
		header.Set("WWW-Authenticate", fmt.Sprintf("Basic realm=%q", realm))
	case http.StatusTooManyRequests, http.StatusServiceUnavailable:
		header.Set("Retry-After", fmt.Sprint(int(retryAfter.Seconds())))
	}
	if r.warns(req) {
		header.Set("Warning", warning(r.message))
	}
	w.WriteHeader(r.status)
	if req.Method == http.MethodHead {
		return
	}
	type problem struct {
		Code    string `json:"code"`
		Message string `json:"message"`
	}
	body := json.NewEncoder(w)
	body.SetEscapeHTML(false)
	// An error means that who asked is gone.
	_ = body.Encode(map[string][]problem{"errors": {{Code: r.code(), Message: r.message}}})
}

// warns is whether the sentence is in a Warning header, too, which the distribution specification has clients show: HEAD has no
// body, and regctl does not read that of a 401. But many clients ask without credentials first, to be told that they are needed:
// that is no reason to warn anybody.
func (r *refusal) warns(req *http.Request) bool {
	given := len(req.Header.Values("Authorization")) > 0
	return given && (req.Method == http.MethodHead || r.status == http.StatusUnauthorized)
}

// warning is message as the value of a Warning header, in printable ASCII. Its quotes are single ones: regctl takes an escaped
// one for the end.
func warning(message string) string {
	text := strings.Map(func(c rune) rune {
		if c < ' ' || c > '~' {
			return '?'
		}
		return c
	}, message)
	return `299 - "` + strings.NewReplacer(`\`, `\\`, `"`, "'").Replace(text) + `"`
}
