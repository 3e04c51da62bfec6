package faults

import (
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"gotest.tools/v3/assert"
	is "gotest.tools/v3/assert/cmp"
)

// admin asks the administration of the site's proxy.
func (s *site) admin(method, path, body string) *httptest.ResponseRecorder {
	answer := httptest.NewRecorder()
	s.Admin().ServeHTTP(answer, httptest.NewRequest(method, path, strings.NewReader(body)))
	return answer
}

func TestRulesAreSetAndTakenAwayOverHTTP(t *testing.T) {
	s := newSite(t)
	rules := `[{"name":"slow","do":"delay","wait":"1m","path":"/slow"},
		{"name":"busy","method":"GET","do":"status","status":503,"headers":{"Retry-After":"1"}}]`
	assert.Equal(t, s.admin(http.MethodPut, "/rules", rules).Code, http.StatusNoContent)
	assert.Equal(t, s.get(t, "/").status, http.StatusServiceUnavailable)

	var standing []Standing
	assert.NilError(t, json.Unmarshal(s.admin(http.MethodGet, "/rules", "").Body.Bytes(), &standing))
	assert.Equal(t, standing[0].Name, "slow")
	assert.Equal(t, standing[1].Fired, 1)

	assert.Equal(t, s.admin(http.MethodDelete, "/rules/busy", "").Code, http.StatusNoContent)
	assert.Equal(t, s.admin(http.MethodDelete, "/rules/busy", "").Code, http.StatusNotFound)
	assert.Equal(t, s.get(t, "/").status, http.StatusOK)
	assert.Equal(t, s.admin(http.MethodDelete, "/rules", "").Code, http.StatusNoContent)
	assert.Assert(t, is.Len(s.Rules(), 0))
}

func TestRulesThatAreWrongChangeNothing(t *testing.T) {
	s := newSite(t, Rule{Name: "kept", Do: Cut, Path: "/never"})
	for text, want := range map[string]string{
		`[{"do":"cut"},{"do":"explode"}]`: "explode",
		`[{"do":"cut","when":"now"}]`:     "when",
		`{}`:                              "reading rules",
		strings.Repeat(" ", maxRules+1):   "too large",
	} {
		answer := s.admin(http.MethodPut, "/rules", text)
		assert.Equal(t, answer.Code, http.StatusBadRequest)
		assert.Assert(t, is.Contains(answer.Body.String(), want))
	}
	assert.Equal(t, s.Rules()[0].Name, "kept")
}

func TestTheLogIsReadAndForgottenOverHTTP(t *testing.T) {
	s := newSite(t, Rule{Do: Status, Status: 403})
	s.put(t, "/v2/a/manifests/v1?secret", []byte("m"))
	s.settled(t)
	var log []Exchange
	assert.NilError(t, json.Unmarshal(s.admin(http.MethodGet, "/log", "").Body.Bytes(), &log))
	assert.Assert(t, is.Len(log, 1))
	x := log[0]
	assert.Assert(t, x.Method == http.MethodPut && x.Path == "/v2/a/manifests/v1" && x.Status == 403 && x.Rule == "status")
	assert.Equal(t, s.admin(http.MethodDelete, "/log", "").Code, http.StatusNoContent)
	assert.Equal(t, strings.TrimSpace(s.admin(http.MethodGet, "/log", "").Body.String()), "[]")
}

func TestTheLogForgetsTheOldest(t *testing.T) {
	j := newJournal()
	for range maxExchanges + 1 {
		j.begin(http.MethodGet, "/").end()
	}
	list, _ := j.look()
	assert.Equal(t, len(list), maxExchanges/2+1)
	assert.Equal(t, list[len(list)-1].Number, maxExchanges+1)
}
