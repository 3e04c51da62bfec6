package certs

import (
	"bytes"
	"context"
	"crypto/tls"
	"crypto/x509"
	"io"
	"log"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"testing"
	"time"

	"gotest.tools/v3/assert"
	admissionv1 "k8s.io/api/admissionregistration/v1"
	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	clientgoscheme "k8s.io/client-go/kubernetes/scheme"
	testclock "k8s.io/utils/clock/testing"
	"k8s.io/utils/ptr"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/client/fake"
	"sigs.k8s.io/controller-runtime/pkg/client/interceptor"
)

// world is a fake API server with our webhook configurations, and a clock.
type world struct {
	Options
	clock *testclock.FakePassiveClock
}

func newWorld(t *testing.T) world {
	t.Helper()
	path := "/mutate"
	c := fake.NewClientBuilder().WithScheme(clientgoscheme.Scheme).WithInterceptorFuncs(allowed()).WithObjects(
		&admissionv1.MutatingWebhookConfiguration{
			ObjectMeta: metav1.ObjectMeta{Name: "ours"},
			Webhooks: []admissionv1.MutatingWebhook{
				{Name: "pods.test", ClientConfig: admissionv1.WebhookClientConfig{Service: &admissionv1.ServiceReference{Name: "hooks", Path: &path}}},
				{Name: "jobs.test"},
			},
		},
		&admissionv1.ValidatingWebhookConfiguration{
			ObjectMeta: metav1.ObjectMeta{Name: "ours"},
			Webhooks:   []admissionv1.ValidatingWebhook{{Name: "keys.test"}},
		},
	).Build()
	passive := testclock.NewFakePassiveClock(testStart())
	opts, err := Options{
		Client: c, Log: slog.New(slog.DiscardHandler), Clock: passive,
		Namespace: "system", Secret: "cert", Service: "hooks", Lifetime: time.Duration(testLifetime),
		Mutating: []string{"ours"}, Validating: []string{"ours"},
	}.withDefaults()
	assert.NilError(t, err)
	return world{Options: opts, clock: passive}
}

// allowed refuses what the operator has no right to: to list or watch.
func allowed() interceptor.Funcs {
	return interceptor.Funcs{
		List: func(context.Context, client.WithWatch, client.ObjectList, ...client.ListOption) error {
			return apierrors.NewForbidden(corev1.Resource("secrets"), "", nil)
		},
	}
}

func (w world) keep(t *testing.T) {
	t.Helper()
	keeper, err := NewKeeper(w.Options)
	assert.NilError(t, err)
	assert.NilError(t, keeper.keep(t.Context()))
}

func (w world) mutating(t *testing.T) *admissionv1.MutatingWebhookConfiguration {
	t.Helper()
	cfg := &admissionv1.MutatingWebhookConfiguration{}
	assert.NilError(t, w.Client.Get(t.Context(), client.ObjectKey{Name: "ours"}, cfg))
	return cfg
}

func (w world) validating(t *testing.T) *admissionv1.ValidatingWebhookConfiguration {
	t.Helper()
	cfg := &admissionv1.ValidatingWebhookConfiguration{}
	assert.NilError(t, w.Client.Get(t.Context(), client.ObjectKey{Name: "ours"}, cfg))
	return cfg
}

func TestTheKeeperBringsTrust(t *testing.T) {
	w := newWorld(t)
	w.keep(t)
	secret, err := w.store().load(t.Context())
	assert.NilError(t, err)
	authorities := string(secret.Data[keyAuthorities])
	for _, hook := range w.mutating(t).Webhooks {
		assert.Equal(t, string(hook.ClientConfig.CABundle), authorities, hook.Name)
	}
	assert.Equal(t, string(w.validating(t).Webhooks[0].ClientConfig.CABundle), authorities)
	assert.Equal(t, w.mutating(t).Webhooks[0].ClientConfig.Service.Name, "hooks", "only the bundle is ours")
}

func TestTheKeeperWritesOnlyWhatChanges(t *testing.T) {
	w := newWorld(t)
	w.keep(t)
	before, err := w.store().load(t.Context())
	assert.NilError(t, err)
	cfg := w.mutating(t)
	w.keep(t)
	after, err := w.store().load(t.Context())
	assert.NilError(t, err)
	assert.Equal(t, before.ResourceVersion, after.ResourceVersion)
	assert.Equal(t, cfg.ResourceVersion, w.mutating(t).ResourceVersion)
}

func TestTheKeeperPutsBackATrustThatIsLost(t *testing.T) {
	w := newWorld(t)
	w.keep(t)
	cfg := w.mutating(t)
	want := cfg.Webhooks[1].ClientConfig.CABundle
	cfg.Webhooks[1].ClientConfig.CABundle = nil
	assert.NilError(t, w.Client.Update(t.Context(), cfg))
	w.keep(t)
	assert.DeepEqual(t, w.mutating(t).Webhooks[1].ClientConfig.CABundle, want)
}

// Replicas serve what was signed before until they have read the Secret again.
func TestAuthoritiesOutliveTheSecret(t *testing.T) {
	for name, harm := range map[string]func(*corev1.Secret, client.Client) error{
		"it is deleted": func(s *corev1.Secret, c client.Client) error { return c.Delete(t.Context(), s) },
		"it is garbled": func(s *corev1.Secret, c client.Client) error {
			s.Data = map[string][]byte{"x": nil}
			return c.Update(t.Context(), s)
		},
		"its key is gone": func(s *corev1.Secret, c client.Client) error {
			delete(s.Data, keyPrivateKey)
			return c.Update(t.Context(), s)
		},
	} {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t)
			w.keep(t)
			source, err := NewSource(w.Options)
			assert.NilError(t, err)
			assert.NilError(t, source.Refresh(t.Context()))
			served := source.current.Load().certificate

			secret, err := w.store().load(t.Context())
			assert.NilError(t, err)
			assert.NilError(t, harm(secret, w.Client))
			w.keep(t)
			for _, webhook := range w.mutating(t).Webhooks {
				_, err = served.Leaf.Verify(x509.VerifyOptions{
					Roots: pool(webhook.ClientConfig.CABundle), DNSName: w.host(), CurrentTime: w.clock.Now(),
				})
				assert.NilError(t, err)
			}
			assert.NilError(t, source.Refresh(t.Context()))
			assert.NilError(t, source.Ready())
			assert.Assert(t, !bytes.Equal(source.current.Load().certificate.Certificate[0], served.Certificate[0]))
		})
	}
}

// A policy may refuse the change of the configurations while an authority gets its successor.
func TestNothingIsSignedByAnAuthorityThatWebhooksWereNotTold(t *testing.T) {
	w := newWorld(t)
	w.keep(t)
	refused := w.Options
	refused.Client = interceptor.NewClient(w.Client.(client.WithWatch), interceptor.Funcs{
		Apply: func(context.Context, client.WithWatch, runtime.ApplyConfiguration, ...client.ApplyOption) error {
			return apierrors.NewForbidden(corev1.Resource("mutatingwebhookconfigurations"), "ours", nil)
		},
	})
	keeper, err := NewKeeper(refused)
	assert.NilError(t, err)
	source, err := NewSource(w.Options)
	assert.NilError(t, err)
	var refusal error
	for day := range 170 { // the serving certificate is of 90 days, and its authority, of 360, gets a successor after a third
		w.clock.SetTime(testStart().Add(time.Duration(day) * 24 * time.Hour))
		refusal = keeper.keep(t.Context())
		assert.NilError(t, source.Refresh(t.Context()))
		assert.NilError(t, source.Ready(), "day %d", day)
	}
	assert.Assert(t, apierrors.IsForbidden(refusal), "%v", refusal)
	for range 10 { // once it is allowed, it goes on by itself
		w.clock.SetTime(w.clock.Now().Add(24 * time.Hour))
		w.keep(t)
		assert.NilError(t, source.Refresh(t.Context()))
		assert.NilError(t, source.Ready())
	}
	assert.Assert(t, source.current.Load().certificate.Leaf.NotAfter.After(w.clock.Now().Add(60*24*time.Hour)), "it was renewed")
}

// A person may delete what is passed over while nobody answers, or both to start anew.
func TestAConfigurationThatIsGoneAsksNobody(t *testing.T) {
	w := newWorld(t)
	assert.NilError(t, w.Client.Delete(t.Context(), w.validating(t)))
	w.keep(t)
	assert.Assert(t, len(w.mutating(t).Webhooks[0].ClientConfig.CABundle) > 0)
	source, err := NewSource(w.Options)
	assert.NilError(t, err)
	assert.NilError(t, source.Refresh(t.Context()))
	assert.NilError(t, source.Ready())
}

func TestALeaderOfYesterdayUndoesNothing(t *testing.T) {
	w := newWorld(t)
	w.keep(t)
	stale, err := w.store().load(t.Context())
	assert.NilError(t, err)
	w.clock.SetTime(testStart().Add(31 * 24 * time.Hour))
	w.keep(t)
	err = w.store().save(t.Context(), stale, issue(t, testStart()).data())
	assert.Assert(t, apierrors.IsConflict(err), "%v", err)
	err = w.store().save(t.Context(), nil, issue(t, testStart()).data())
	assert.Assert(t, apierrors.IsAlreadyExists(err), "%v", err)
}

func TestASourceIsReadyOnceItsCertificateIsTrusted(t *testing.T) {
	w := newWorld(t)
	source, err := NewSource(w.Options)
	assert.NilError(t, err)
	assert.ErrorIs(t, source.Refresh(t.Context()), ErrNoCertificate)
	assert.ErrorIs(t, source.Ready(), ErrNoCertificate)
	_, err = source.GetCertificate(nil)
	assert.ErrorIs(t, err, ErrNoCertificate)

	b := issue(t, testStart())
	assert.NilError(t, w.store().save(t.Context(), nil, b.data()))
	assert.NilError(t, source.Refresh(t.Context()))
	assert.ErrorContains(t, source.Ready(), "unknown authority")

	assert.NilError(t, w.inject(t.Context(), b.Authorities))
	assert.NilError(t, source.Refresh(t.Context()))
	assert.NilError(t, source.Ready())

	w.clock.SetTime(testStart().Add(time.Duration(testLifetime) + time.Hour))
	assert.ErrorContains(t, source.Ready(), "expired")
}

// The leader of an older version keeps only the configurations that it knows.
func TestASourceDoesNotWaitForWhatIsPassedOver(t *testing.T) {
	w := newWorld(t)
	source, err := NewSource(w.Options)
	assert.NilError(t, err)
	b := issue(t, testStart())
	assert.NilError(t, w.store().save(t.Context(), nil, b.data()))
	older := w.Options
	older.Validating = nil
	assert.NilError(t, older.inject(t.Context(), b.Authorities))
	assert.NilError(t, source.Refresh(t.Context()))
	assert.ErrorContains(t, source.Ready(), "unknown authority", "a webhook that says nothing fails")

	cfg := w.validating(t)
	cfg.Webhooks[0].FailurePolicy = ptr.To(admissionv1.Ignore)
	assert.NilError(t, w.Client.Update(t.Context(), cfg))
	assert.NilError(t, source.Refresh(t.Context()))
	assert.NilError(t, source.Ready())
}

func TestASourceServesOnWhileItCannotRead(t *testing.T) {
	w := newWorld(t)
	w.keep(t)
	source, err := NewSource(w.Options)
	assert.NilError(t, err)
	assert.NilError(t, source.Refresh(t.Context()))

	secret, err := w.store().load(t.Context())
	assert.NilError(t, err)
	secret.Data[keyPrivateKey] = []byte("garbage")
	assert.NilError(t, w.Client.Update(t.Context(), secret))
	assert.ErrorIs(t, source.Refresh(t.Context()), errBundle)
	assert.NilError(t, source.Ready())
}

// TestARunningServerFollowsARotation calls a TLS server as the API server does, before and after.
func TestARunningServerFollowsARotation(t *testing.T) {
	w := newWorld(t)
	w.clock.SetTime(time.Now().Add(-time.Hour)) // crypto/tls looks at the real clock
	w.keep(t)
	source, err := NewSource(w.Options)
	assert.NilError(t, err)
	assert.NilError(t, source.Refresh(t.Context()))
	server := httptest.NewUnstartedServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) {}))
	server.TLS = &tls.Config{GetCertificate: source.GetCertificate, MinVersion: tls.VersionTLS13}
	server.Config.ErrorLog = log.New(io.Discard, "", 0)
	server.StartTLS()
	defer server.Close()

	first := w.call(t, server)
	w.Lifetime = time.Hour // of which nothing that is there is: all is rotated, in two steps
	w.keep(t)
	w.clock.SetTime(w.clock.Now().Add(w.lifetime().settle() + time.Second))
	w.keep(t)
	assert.NilError(t, source.Refresh(t.Context()))
	assert.Assert(t, !first.Equal(w.call(t, server)))
}

// call returns the certificate with which server answers one who trusts what is injected.
func (w world) call(t *testing.T, server *httptest.Server) *x509.Certificate {
	t.Helper()
	conn, err := tls.Dial("tcp", server.Listener.Addr().String(), &tls.Config{
		RootCAs:    pool(w.mutating(t).Webhooks[0].ClientConfig.CABundle),
		ServerName: testHost,
		MinVersion: tls.VersionTLS13,
	})
	assert.NilError(t, err)
	defer conn.Close() //nolint:errcheck // only read from
	return conn.ConnectionState().PeerCertificates[0]
}

func TestBadOptionsAreAnError(t *testing.T) {
	tests := map[string]struct {
		change func(*Options)
		want   string
	}{
		"no client":            {func(o *Options) { o.Client = nil }, "required option"},
		"no log":               {func(o *Options) { o.Log = nil }, "required option"},
		"no Secret":            {func(o *Options) { o.Secret = "" }, "required option"},
		"a lifetime too short": {func(o *Options) { o.Lifetime = time.Second }, "below 1m0s"},
	}
	for name, tc := range tests {
		t.Run(name, func(t *testing.T) {
			opts := newWorld(t).Options
			tc.change(&opts)
			_, err := NewKeeper(opts)
			assert.ErrorContains(t, err, tc.want)
			_, err = NewSource(opts)
			assert.ErrorContains(t, err, tc.want)
		})
	}
}
