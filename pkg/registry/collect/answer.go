package collect

import (
	"bytes"
	"encoding/json"
	"errors"
	"maps"
	"net/http"
)

// retryAfter is in seconds.
const retryAfter = "5"

// answer is a response that is kept back until it is known whether it may be given.
type answer struct {
	header http.Header
	status int
	body   bytes.Buffer
}

func newAnswer() *answer { return &answer{header: http.Header{}} }

func (a *answer) Header() http.Header { return a.header }

func (a *answer) WriteHeader(status int) {
	if a.status == 0 {
		a.status = status
	}
}

func (a *answer) Write(p []byte) (int, error) {
	a.WriteHeader(http.StatusOK)
	return a.body.Write(p)
}

// acknowledges tells whether it says that something was done.
func (a *answer) acknowledges() bool { return a.status < http.StatusMultipleChoices }

// give sends it.
func (a *answer) give(w http.ResponseWriter) {
	maps.Copy(w.Header(), a.header)
	if a.status != 0 {
		w.WriteHeader(a.status)
	}
	_, _ = w.Write(a.body.Bytes()) // who asked may be gone
}

// refuse answers that a request cannot be served now.
func refuse(w http.ResponseWriter, err error) {
	message := "the storage cannot be asked now: " + err.Error()
	if errors.Is(err, ErrBusy) {
		message = "what this needs is being removed by the garbage collection; try again"
	}
	w.Header().Set("Retry-After", retryAfter)
	fail(w, http.StatusServiceUnavailable, "UNAVAILABLE", message)
}

// fail answers with an error in the form of the distribution specification.
func fail(w http.ResponseWriter, status int, code, message string) {
	type failure struct {
		Code    string `json:"code"`
		Message string `json:"message"`
	}
	body, _ := json.Marshal(map[string][]failure{"errors": {{code, message}}}) // strings can always be marshalled
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(status)
	_, _ = w.Write(body) // who asked may be gone
}
