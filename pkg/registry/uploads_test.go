package registry

import (
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"gotest.tools/v3/assert"
)

func TestWhatSendsContent(t *testing.T) {
	tests := map[string]struct {
		method, target, body string
		want                 bool
	}{
		"a part":                       {http.MethodPatch, "/v2/a/blobs/uploads/id", "x", true},
		"a last part":                  {http.MethodPut, "/v2/a/blobs/uploads/id?digest=d", "x", true},
		"all at once":                  {http.MethodPost, "/v2/a/blobs/uploads/?digest=d", "x", true},
		"an end without a part":        {http.MethodPut, "/v2/a/blobs/uploads/id?digest=d", "", false},
		"a beginning":                  {http.MethodPost, "/v2/a/blobs/uploads/", "", false},
		"a beginning with a form":      {http.MethodPost, "/v2/a/blobs/uploads/", "x", false},
		"a manifest":                   {http.MethodPut, "/v2/a/manifests/v1", "x", false},
		"a question with a body":       {http.MethodGet, "/v2/a/blobs/uploads/id", "x", false},
		"a body of a length not known": {http.MethodPatch, "/v2/a/blobs/uploads/id", "?", true},
	}
	for name, tc := range tests {
		t.Run(name, func(t *testing.T) {
			req := httptest.NewRequest(tc.method, tc.target, strings.NewReader(tc.body))
			if tc.body == "?" {
				req.ContentLength = -1
			}
			assert.Equal(t, sendsContent(req), tc.want)
		})
	}
}

func TestOneUploadTooManyIsTurnedAwayUntilAnotherEnds(t *testing.T) {
	u := &uploads{max: 1}
	inside, leave := make(chan bool), make(chan bool)
	handler := u.limit(http.HandlerFunc(func(w http.ResponseWriter, req *http.Request) {
		if req.Method == http.MethodPatch {
			inside <- true
			<-leave
		}
		w.WriteHeader(http.StatusAccepted)
	}))
	ask := func(method, target string, body io.Reader) *httptest.ResponseRecorder {
		rec := httptest.NewRecorder()
		handler.ServeHTTP(rec, httptest.NewRequest(method, target, body))
		return rec
	}
	first := make(chan int)
	go func() { first <- ask(http.MethodPatch, "/v2/a/blobs/uploads/1", strings.NewReader("x")).Code }()
	<-inside
	assert.Equal(t, u.current.Load(), int64(1))

	refused := ask(http.MethodPost, "/v2/a/blobs/uploads/?digest=d", strings.NewReader("x"))
	assert.Equal(t, refused.Code, http.StatusTooManyRequests)
	assert.Equal(t, refused.Header().Get("Retry-After"), "2")
	assert.Equal(t, refused.Header().Get("Content-Type"), "application/json")
	assert.Assert(t, strings.Contains(refused.Body.String(), `"code":"TOOMANYREQUESTS"`), refused.Body)
	assert.Equal(t, ask(http.MethodGet, "/v2/a/blobs/sha256:00", nil).Code, http.StatusAccepted)

	leave <- true
	assert.Equal(t, <-first, http.StatusAccepted)
	assert.Equal(t, ask(http.MethodPost, "/v2/a/blobs/uploads/?digest=d", strings.NewReader("x")).Code, http.StatusAccepted)
	assert.Equal(t, u.current.Load(), int64(0))
}
