package faults

import (
	"bytes"
	"context"
	"encoding/json"
	"io"
	"net/http"
	"syscall"
	"testing"
	"time"

	"gotest.tools/v3/assert"
	is "gotest.tools/v3/assert/cmp"

	"github.com/converged-computing/oras-operator/pkg/handoff"
)

// at is where the rules of these tests act, in bytes of a body.
const at = 1 << 20

func TestDelayLetsTimePass(t *testing.T) {
	for name, rule := range map[string]Rule{
		"before the request":      {Direction: Request},
		"before the response":     {},
		"in the response":         {After: at},
		"before reads of a body":  {After: size - 1, PerRead: true},
		"in the request's body":   {Direction: Request, After: 1},
		"until the rule is taken": {Wait: handoff.Duration(time.Hour)},
	} {
		t.Run(name, func(t *testing.T) {
			const wait = 50 * time.Millisecond
			rule.Do = Delay
			if rule.Wait == 0 {
				rule.Wait = handoff.Duration(wait)
			}
			s := newSite(t, rule)
			answers, start := make(chan answer, 1), time.Now()
			go func() { answers <- s.do(t.Context(), http.MethodGet, "/", bytes.NewReader([]byte("body"))) }()
			s.await(t, fired("delay"))
			if rule.Wait > handoff.Duration(wait) {
				assert.Assert(t, s.RemoveRule("delay"))
			}
			got := <-answers
			assert.NilError(t, got.err)
			assert.Equal(t, len(got.body), size)
			assert.Assert(t, rule.Wait > handoff.Duration(wait) || time.Since(start) >= wait)
		})
	}
}

func TestThrottleBoundsTheRate(t *testing.T) {
	for _, d := range []Direction{Request, Response} {
		const rate = 1 << 20
		s := newSite(t, Rule{Do: Throttle, Direction: d, After: size - rate/10, Rate: rate})
		start := time.Now()
		got := s.put(t, "/", blob())
		if d == Response {
			got = s.get(t, "/")
			assert.Equal(t, len(got.body), size)
		}
		assert.NilError(t, got.err)
		assert.Assert(t, time.Since(start) >= 100*time.Millisecond, "a tenth of a second's bytes, %s", d)
	}
}

func TestStallHoldsAnExchangeUntilTheRuleIsTakenAway(t *testing.T) {
	for name, tc := range map[string]struct {
		rule   Rule
		passed int64 // bytes that have passed when it is held
		asked  int   // requests that have reached the origin whole by then
	}{
		"before the request":     {Rule{Direction: Request}, 0, 0},
		"in the request's body":  {Rule{Direction: Request, After: at}, at, 0},
		"before the response":    {Rule{Direction: Response}, size, 1},
		"in the response's body": {Rule{Method: http.MethodGet, After: at}, at, 1},
	} {
		t.Run(name, func(t *testing.T) {
			tc.rule.Do, tc.rule.Name = Stall, "hold"
			s := newSite(t, tc.rule)
			answers := make(chan answer, 1)
			method, body := http.MethodPut, blob()
			if tc.rule.Method != "" {
				method, body = tc.rule.Method, nil
			}
			go func() { answers <- s.do(t.Context(), method, "/", bytes.NewReader(body)) }()
			s.await(t, fired("hold"))
			x := s.Log()[0]
			assert.Assert(t, x.Open)
			assert.Equal(t, max(x.Received, x.Sent), tc.passed)
			assert.Equal(t, len(s.origin.given()), tc.asked)
			assert.Equal(t, x.Digest != "", tc.asked > 0 && body != nil, "of what the origin was given")
			select {
			case got := <-answers:
				t.Fatalf("answered with %d while held", got.status)
			default:
			}
			assert.Assert(t, s.RemoveRule("hold"))
			assert.NilError(t, (<-answers).err)
			assert.Equal(t, len(s.origin.given()), 1)
			assert.Equal(t, max(s.settled(t)[0].Received, s.Log()[0].Sent), int64(size))
		})
	}
}

func TestWhatPassesBeforeAStallArrives(t *testing.T) {
	s := newSite(t, Rule{Do: Stall, After: 1})
	req, err := http.NewRequestWithContext(t.Context(), http.MethodGet, s.url, nil)
	assert.NilError(t, err)
	resp, err := s.client.Do(req)
	assert.NilError(t, err)
	defer resp.Body.Close() //nolint:errcheck // the rest is of no interest
	n, err := io.ReadFull(resp.Body, make([]byte, 1))
	assert.NilError(t, err)
	assert.Equal(t, n, 1)
}

func TestAClientThatLeavesEndsAStall(t *testing.T) {
	s := newSite(t, Rule{Do: Stall})
	ctx, leave := context.WithCancel(t.Context())
	answers := make(chan answer, 1)
	go func() { answers <- s.do(ctx, http.MethodGet, "/", nil) }()
	s.await(t, fired("stall"))
	leave()
	assert.ErrorIs(t, (<-answers).err, context.Canceled)
	assert.Equal(t, s.settled(t)[0].Status, 0)
}

func TestCutAndResetBreakAnExchangeOff(t *testing.T) {
	for name, tc := range map[string]struct {
		rule  Rule
		want  error // of the client
		asked int   // requests that have reached the origin whole
	}{
		"cut before the request":     {Rule{Do: Cut, Direction: Request}, io.EOF, 0},
		"reset before the request":   {Rule{Do: Reset, Direction: Request}, syscall.ECONNRESET, 0},
		"cut before the response":    {Rule{Do: Cut}, io.EOF, 1},
		"reset before the response":  {Rule{Do: Reset}, syscall.ECONNRESET, 1},
		"cut in the response":        {Rule{Do: Cut, After: at}, io.ErrUnexpectedEOF, 1},
		"reset in the response":      {Rule{Do: Reset, After: at}, syscall.ECONNRESET, 1},
		"cut in a body that is sent": {Rule{Do: Cut, Direction: Request, After: 2}, io.EOF, 0},
	} {
		t.Run(name, func(t *testing.T) {
			s := newSite(t, tc.rule)
			got := s.do(t.Context(), http.MethodGet, "/", bytes.NewReader([]byte("body")))
			assert.ErrorIs(t, got.err, tc.want)
			x := s.settled(t)[0]
			assert.Equal(t, x.Sent, map[bool]int64{true: tc.rule.After}[tc.rule.Direction == ""])
			assert.Equal(t, x.Rule, string(tc.rule.Do))
			assert.Equal(t, len(s.origin.given()), tc.asked)
		})
	}
}

func TestAnUploadThatIsBrokenOffReachesNobodyWhole(t *testing.T) {
	for _, do := range []Action{Cut, Reset} {
		s := newSite(t, Rule{Do: do, Direction: Request, After: at})
		got := s.put(t, "/", blob())
		assert.Assert(t, got.err != nil, "%s", do)
		assert.Equal(t, s.settled(t)[0].Rule, string(do))
		assert.Equal(t, len(s.origin.given()), 0)
	}
}

func TestCorruptChangesOneByte(t *testing.T) {
	want := blob()
	want[at] ^= 1
	s := newSite(t, Rule{Do: Corrupt, After: at})
	assert.Assert(t, bytes.Equal(s.get(t, "/").body, want))

	s = newSite(t, Rule{Do: Corrupt, Direction: Request, After: at})
	assert.Equal(t, s.put(t, "/", blob()).status, http.StatusCreated)
	assert.Assert(t, s.origin.given()[0] == string(want))
}

func TestTruncateShortensABodyAndSaysSo(t *testing.T) {
	s := newSite(t, Rule{Do: Truncate, After: at})
	got := s.get(t, "/")
	assert.NilError(t, got.err)
	assert.Assert(t, bytes.Equal(got.body, blob()[:at]))
	assert.Equal(t, got.header.Get("Docker-Content-Digest"), "sha256:00")

	for _, length := range []int64{0, at} {
		s = newSite(t, Rule{Do: Truncate, Direction: Request, After: length})
		assert.Equal(t, s.put(t, "/", blob()).status, http.StatusCreated)
		assert.Equal(t, int64(len(s.origin.given()[0])), length)
		assert.Equal(t, s.settled(t)[0].Received, int64(size))
	}
}

func TestStatusAnswersInTheRegistrysPlace(t *testing.T) {
	s := newSite(t, Rule{Name: "busy", Do: Status, Status: 429, Headers: map[string]string{"Retry-After": "7"}})
	got := s.put(t, "/", blob())
	assert.NilError(t, got.err)
	assert.Equal(t, got.status, http.StatusTooManyRequests)
	assert.Equal(t, got.header.Get("Retry-After"), "7")
	var body struct{ Errors []struct{ Code string } }
	assert.NilError(t, json.Unmarshal(got.body, &body))
	assert.Equal(t, body.Errors[0].Code, "TOOMANYREQUESTS")
	x := s.settled(t)[0]
	assert.Equal(t, x.Received, int64(size), "the request is read to its end")
	assert.Equal(t, x.Status, http.StatusTooManyRequests)
	assert.Equal(t, len(s.origin.given()), 0)

	assert.Equal(t, s.do(t.Context(), http.MethodHead, "/", nil).status, http.StatusTooManyRequests)
}

func TestStatusCanComeInTheMiddleOfAnUpload(t *testing.T) {
	s := newSite(t, Rule{Do: Status, Status: 413, After: at, Code: "SIZE_INVALID"})
	_ = s.put(t, "/", blob()) // it gets the answer, or a reset before it: that is up to TCP
	x := s.settled(t)[0]
	assert.Equal(t, x.Received, int64(at))
	assert.Equal(t, x.Status, http.StatusRequestEntityTooLarge)
}

func TestStatusCanHideWhatTheRegistryAnswered(t *testing.T) {
	s := newSite(t, Rule{Do: Status, Direction: Response, Status: 500})
	assert.Equal(t, s.put(t, "/", []byte("done")).status, http.StatusInternalServerError)
	assert.DeepEqual(t, s.origin.given(), []string{"done"})
}

func TestRedirectNamesTheSamePathElsewhere(t *testing.T) {
	s := newSite(t, Rule{Do: Redirect, Location: "http://elsewhere:5000/"})
	got := s.get(t, "/v2/a/blobs/b?x=y")
	assert.Equal(t, got.status, http.StatusTemporaryRedirect)
	assert.Equal(t, got.header.Get("Location"), "http://elsewhere:5000/v2/a/blobs/b?x=y")
}

func TestDropNeverAnswers(t *testing.T) {
	s := newSite(t, Rule{Do: Drop})
	answers := make(chan answer, 1)
	go func() { answers <- s.put(t, "/", blob()) }()
	s.await(t, fired("drop"))
	x := s.Log()[0]
	assert.Assert(t, x.Open && x.Status == 0 && x.Received == size)
	assert.Assert(t, is.Len(s.origin.given(), 0))
	assert.NilError(t, s.SetRules())
	assert.ErrorIs(t, (<-answers).err, syscall.ECONNRESET)
}
