package controller

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"gotest.tools/v3/assert"
	testclock "k8s.io/utils/clock/testing"
	ctrl "sigs.k8s.io/controller-runtime"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/client/interceptor"

	"github.com/converged-computing/oras-operator/pkg/apis/v1alpha1"
)

// measured is a meter at a fake API server with one OrasCache, whose pods give answers.
type measured struct {
	*meter
	c       cluster
	clock   *testclock.FakePassiveClock
	answers []string // by the pod's number
	asked   int
}

func newMeasured(t *testing.T, change func(*v1alpha1.OrasCache), answers ...string) *measured {
	t.Helper()
	m := &measured{clock: testclock.NewFakePassiveClock(time.Unix(1_000_000, 0)), answers: answers}
	m.c = newCluster(t, interceptor.Funcs{}, newCache(change))
	served := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, req *http.Request) {
		m.asked++
		var pod int
		_, err := fmt.Sscanf(req.URL.Path, "/%d", &pod)
		assert.Check(t, err)
		if m.answers[pod] == "" {
			w.WriteHeader(http.StatusServiceUnavailable)
			return
		}
		_, _ = w.Write([]byte(m.answers[pod])) // who asked may have heard enough
	}))
	t.Cleanup(served.Close)
	m.meter = newMeter(m.c, m.c.Status())
	m.meter.clock = m.clock
	m.url = func(_ *v1alpha1.OrasCache, pod int32) string { return fmt.Sprintf("%s/%d", served.URL, pod) }
	return m
}

// look has the meter look once, and returns the OrasCache as it is then.
func (m *measured) look(t *testing.T) (*v1alpha1.OrasCache, ctrl.Result) {
	t.Helper()
	cache := newCache(nil)
	result, err := m.Reconcile(t.Context(), requestFor(cache))
	assert.NilError(t, err)
	assert.NilError(t, m.c.Get(t.Context(), client.ObjectKeyFromObject(cache), cache))
	return cache, result
}

const firstLook = `{"started":"2026-01-02T03:04:05Z","manifests":12,"bytes":5368709121}`

func TestTheStatusTellsHowFullARegistryIs(t *testing.T) {
	m := newMeasured(t, nil, firstLook)
	cache, result := m.look(t)
	assert.Equal(t, *cache.Status.Artifacts, int64(12))
	assert.Equal(t, cache.Status.Size.String(), "5121Mi")
	assert.Equal(t, result.RequeueAfter, usageInterval)
}

func TestARegistryIsAskedAtMostOnceAMinute(t *testing.T) {
	m := newMeasured(t, nil, firstLook)
	m.look(t)
	m.clock.SetTime(m.clock.Now().Add(20 * time.Second))
	_, result := m.look(t)
	assert.Equal(t, m.asked, 1)
	assert.Equal(t, result.RequeueAfter, 40*time.Second)
	m.clock.SetTime(m.clock.Now().Add(40 * time.Second))
	m.look(t)
	assert.Equal(t, m.asked, 2)
}

func TestTheYoungestLookOfAllReplicasCounts(t *testing.T) {
	m := newMeasured(t, func(cache *v1alpha1.OrasCache) { cache.Spec.Replicas = new(int32(4)) },
		`{"started":"0001-01-01T00:00:00Z","manifests":0,"bytes":0}`,
		`{"started":"2026-01-02T04:04:05Z","manifests":13,"bytes":100}`,
		firstLook,
		"")
	cache, _ := m.look(t)
	assert.Equal(t, *cache.Status.Artifacts, int64(13))
	assert.Equal(t, cache.Status.Size.String(), "100")
}

func TestWhatCannotBeLearntIsLeftAsItWas(t *testing.T) {
	for name, answer := range map[string]string{
		"no answer":            "",
		"no JSON":              "<html>",
		"a registry that says": `{"manifests":-1,"bytes":2,"started":"2026-01-02T04:04:05Z"}`,
		"nothing looked at":    `{"manifests":0,"bytes":0}`,
		"an endless answer":    `{"started":"` + strings.Repeat("x", 1<<20),
	} {
		t.Run(name, func(t *testing.T) {
			m := newMeasured(t, nil, firstLook)
			m.look(t)
			m.answers[0] = answer
			m.clock.SetTime(m.clock.Now().Add(usageInterval))
			cache, result := m.look(t)
			assert.Equal(t, m.asked, 2)
			assert.Equal(t, *cache.Status.Artifacts, int64(12))
			assert.Equal(t, result.RequeueAfter, usageInterval)
		})
	}
}

func TestOnlyOurRegistriesAreAsked(t *testing.T) {
	for name, change := range map[string]func(*v1alpha1.OrasCache){
		"one that does not run": func(cache *v1alpha1.OrasCache) { cache.Spec.Deploy = new(false) },
		"a foreign one":         func(cache *v1alpha1.OrasCache) { cache.Spec.Image = "registry:3" },
	} {
		t.Run(name, func(t *testing.T) {
			m := newMeasured(t, change, firstLook)
			cache, result := m.look(t)
			assert.Equal(t, m.asked, 0)
			assert.Equal(t, result, ctrl.Result{})
			assert.Assert(t, cache.Status.Artifacts == nil)
		})
	}
}

func TestARegistryThatGoesHasNoArtifacts(t *testing.T) {
	m := newMeasured(t, nil, firstLook)
	cache, _ := m.look(t)
	cache, _ = m.c.change(t, cache, func(cache *v1alpha1.OrasCache) { cache.Spec.Deploy = new(false) })
	assert.Assert(t, cache.Status.Artifacts == nil && cache.Status.Size == nil)
}

func TestAnotherHostIsNotAskedInARegistrysPlace(t *testing.T) {
	elsewhere := 0
	other := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { elsewhere++ }))
	t.Cleanup(other.Close)
	m := newMeasured(t, nil, firstLook)
	redirecting := httptest.NewServer(http.RedirectHandler(other.URL, http.StatusFound))
	t.Cleanup(redirecting.Close)
	m.url = func(*v1alpha1.OrasCache, int32) string { return redirecting.URL }
	cache, _ := m.look(t)
	assert.Equal(t, elsewhere, 0)
	assert.Assert(t, cache.Status.Artifacts == nil)
}

func TestAPodIsAskedByItsName(t *testing.T) {
	assert.Equal(t, statusURL(newCache(nil), 2), "http://oras-2.oras-pods.flow.svc:5001/oras/status")
}

func TestSizesAreForPeople(t *testing.T) {
	for bytes, want := range map[int64]string{
		0: "0", 1: "1", 9999: "9999", 10_000: "10Ki", 10_240: "10Ki", 5<<30 + 1: "5121Mi", 3 << 40: "3Ti", 1 << 62: "4Ei",
	} {
		size := roundUp(bytes)
		assert.Equal(t, size.String(), want)
	}
}
