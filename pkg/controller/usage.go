package controller

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"sync"
	"time"

	"k8s.io/apimachinery/pkg/api/equality"
	"k8s.io/apimachinery/pkg/api/resource"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/utils/clock"
	ctrl "sigs.k8s.io/controller-runtime"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/converged-computing/oras-operator/pkg/apis/v1alpha1"
)

const (
	// usageInterval is how often a registry is asked how full it is.
	usageInterval = time.Minute
	// usageTimeout is how long all replicas of it may take to answer.
	usageTimeout = 5 * time.Second
	// usageSize is the most bytes of an answer that are read.
	usageSize = 4 << 10
)

// usage is what a registry says of itself, when it last looked: at /oras/status of its port for metrics.
type usage struct {
	Started   time.Time `json:"started"`
	Manifests int64     `json:"manifests"`
	Bytes     int64     `json:"bytes"`
}

// meter writes into the status of each OrasCache how full its registry is. What it cannot learn is left as it was: nothing depends
// on it.
type meter struct {
	reader client.Reader // may lag
	writer client.StatusWriter
	http   *http.Client
	clock  clock.PassiveClock
	url    func(cache *v1alpha1.OrasCache, pod int32) string

	mu    sync.Mutex
	asked map[types.NamespacedName]time.Time
}

func newMeter(reader client.Reader, writer client.StatusWriter) *meter {
	return &meter{
		reader: reader,
		writer: writer,
		http:   usageClient(),
		clock:  clock.RealClock{},
		url:    statusURL,
		asked:  map[types.NamespacedName]time.Time{},
	}
}

// Reconcile asks one registry, unless it has been asked just now.
func (m *meter) Reconcile(ctx context.Context, req ctrl.Request) (ctrl.Result, error) {
	cache := &v1alpha1.OrasCache{}
	if err := m.reader.Get(ctx, req.NamespacedName, cache); err != nil {
		m.forget(req.NamespacedName)
		return ctrl.Result{}, client.IgnoreNotFound(err)
	}
	if !isMeasured(cache) {
		m.forget(req.NamespacedName)
		return ctrl.Result{}, nil
	}
	if wait := m.begin(req.NamespacedName); wait > 0 {
		return ctrl.Result{RequeueAfter: wait}, nil
	}
	found, err := m.ask(ctx, cache)
	if err != nil {
		ctrl.LoggerFrom(ctx).V(1).Info("A registry does not say how full it is.", "error", err.Error())
		return ctrl.Result{RequeueAfter: usageInterval}, nil
	}
	before := cache.DeepCopy()
	cache.Status.Artifacts, cache.Status.Size = new(found.Manifests), new(roundUp(found.Bytes))
	if !equality.Semantic.DeepEqual(before.Status, cache.Status) {
		if err := m.writer.Patch(ctx, cache, client.MergeFrom(before)); client.IgnoreNotFound(err) != nil {
			return ctrl.Result{}, fmt.Errorf("writing how full the registry of OrasCache %s is: %w", req, err)
		}
	}
	return ctrl.Result{RequeueAfter: usageInterval}, nil
}

// isMeasured tells whether there is a registry that can say how full it is.
func isMeasured(cache *v1alpha1.OrasCache) bool {
	return cache.DeletionTimestamp == nil && cache.IsDeployed() && !isForeign(cache)
}

// begin notes that a registry is asked now. If it was less than an interval ago, it returns how much of that is left.
func (m *meter) begin(name types.NamespacedName) time.Duration {
	m.mu.Lock()
	defer m.mu.Unlock()
	now := m.clock.Now()
	if last, known := m.asked[name]; known && now.Sub(last) < usageInterval {
		return usageInterval - now.Sub(last)
	}
	m.asked[name] = now
	return 0
}

func (m *meter) forget(name types.NamespacedName) {
	m.mu.Lock()
	defer m.mu.Unlock()
	delete(m.asked, name)
}

// ask returns the youngest of what the replicas say: only the one that collects looks at everything.
func (m *meter) ask(ctx context.Context, cache *v1alpha1.OrasCache) (usage, error) {
	ctx, cancel := context.WithTimeout(ctx, usageTimeout)
	defer cancel()
	var found usage
	var failed error
	for pod := range replicasOf(cache) {
		one, err := m.askOne(ctx, m.url(cache, pod))
		if err != nil {
			failed = err
		} else if one.Started.After(found.Started) {
			found = one
		}
	}
	if found.Started.IsZero() {
		if failed == nil {
			failed = errors.New("the registry has not looked yet")
		}
		return usage{}, failed
	}
	return found, nil
}

func (m *meter) askOne(ctx context.Context, url string) (usage, error) {
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, url, nil)
	if err != nil {
		return usage{}, fmt.Errorf("asking %s: %w", url, err)
	}
	resp, err := m.http.Do(req)
	if err != nil {
		return usage{}, fmt.Errorf("asking %s: %w", url, err)
	}
	defer resp.Body.Close() //nolint:errcheck // only read from
	if resp.StatusCode != http.StatusOK {
		return usage{}, fmt.Errorf("asking %s: it answers %s", url, resp.Status)
	}
	var said usage
	if err := json.NewDecoder(io.LimitReader(resp.Body, usageSize)).Decode(&said); err != nil {
		return usage{}, fmt.Errorf("reading the answer of %s: %w", url, err)
	}
	if said.Manifests < 0 || said.Bytes < 0 || said.Bytes > 1<<62 {
		return usage{}, fmt.Errorf("reading the answer of %s: it has a number that cannot be", url)
	}
	return said, nil
}

// statusURL is where a pod of a registry says how full it is. Only ready pods have a name.
func statusURL(cache *v1alpha1.OrasCache, pod int32) string {
	return fmt.Sprintf("http://%s-%d.%s.%s.svc:%d/oras/status", cache.Name, pod, podServiceName(cache), cache.Namespace, metricsPort)
}

// usageClient asks registries directly: by no proxy, and following nothing.
func usageClient() *http.Client {
	return &http.Client{
		Transport:     &http.Transport{DisableKeepAlives: true},
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}
}

// roundUp returns a number of bytes, at most 1<<62, with at most four digits, for people, and so that not every new artifact changes it.
func roundUp(bytes int64) resource.Quantity {
	unit := int64(1)
	for bytes > 9999 {
		bytes = (bytes + 1023) / 1024
		unit *= 1024
	}
	return *resource.NewQuantity(bytes*unit, resource.BinarySI)
}
