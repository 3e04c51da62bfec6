package webhook

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"testing/iotest"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	dto "github.com/prometheus/client_model/go"
	"gotest.tools/v3/assert"
	is "gotest.tools/v3/assert/cmp"
	"sigs.k8s.io/controller-runtime/pkg/webhook/admission"
)

// slowly sends its bytes one after the other.
type slowly struct {
	io.Reader
	pause time.Duration
}

func (s slowly) Read(p []byte) (int, error) {
	time.Sleep(s.pause)
	return s.Reader.Read(p[:min(1, len(p))])
}

func TestTheTimeThatARequestTakesToArriveIsNotTheOperators(t *testing.T) {
	const arrives, decides = 200 * time.Millisecond, 20 * time.Millisecond
	durations, err := newDurations(prometheus.NewRegistry())
	assert.NilError(t, err)
	var got string
	handler := timed(durationOf(durations, podPath), http.HandlerFunc(func(_ http.ResponseWriter, req *http.Request) {
		review, err := io.ReadAll(req.Body)
		assert.Check(t, err)
		got = string(review)
		time.Sleep(decides)
	}))
	req := httptest.NewRequest(http.MethodPost, podPath, slowly{strings.NewReader("{}"), arrives})
	body := req.Body
	handler.ServeHTTP(httptest.NewRecorder(), req)
	assert.Equal(t, got, "{}")
	assert.Equal(t, req.Body, body)

	var metric dto.Metric
	assert.NilError(t, durations.WithLabelValues("mutate-pod").(prometheus.Histogram).Write(&metric))
	assert.Equal(t, metric.GetHistogram().GetSampleCount(), uint64(1))
	took := metric.GetHistogram().GetSampleSum()
	assert.Assert(t, took >= decides.Seconds() && took < (2*arrives).Seconds(), "%g s", took)
}

func TestWhatIsNoReviewIsAnsweredAsControllerRuntimeDoes(t *testing.T) {
	durations, err := newDurations(prometheus.NewRegistry())
	assert.NilError(t, err)
	hook := &admission.Webhook{Handler: admission.HandlerFunc(mutator().handlePod)}
	blank := func(size int) func() io.Reader {
		return func() io.Reader { return bytes.NewReader(bytes.Repeat([]byte(" "), size)) }
	}
	for want, body := range map[string]func() io.Reader{
		"request body is empty": func() io.Reader { return http.NoBody },
		"connection reset": func() io.Reader {
			return io.MultiReader(strings.NewReader(`{"kind":`), iotest.ErrReader(errors.New("connection reset")))
		},
		"unexpected end of JSON":      func() io.Reader { return strings.NewReader(`{"kind":`) },
		`"allowed":true`:              blank(maxReview - 1),
		"request entity is too large": blank(maxReview),
		"too large; limit is 7340032": blank(maxReview + 1),
	} {
		answers := make([]string, 2)
		for i, handler := range []http.Handler{hook, timed(durationOf(durations, podPath), hook)} {
			res := httptest.NewRecorder()
			req := httptest.NewRequest(http.MethodPost, podPath, body())
			req.Header.Set("Content-Type", "application/json")
			handler.ServeHTTP(res, req)
			answers[i] = fmt.Sprint(res.Code, " ", res.Body.String())
		}
		assert.Check(t, is.Contains(answers[0], want))
		assert.Check(t, is.Equal(answers[0], answers[1]), want)
	}
}
