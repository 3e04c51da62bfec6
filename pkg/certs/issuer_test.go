package certs

import (
	"crypto/tls"
	"crypto/x509"
	"log/slog"
	"maps"
	"slices"
	"testing"
	"time"

	"gotest.tools/v3/assert"
	corev1 "k8s.io/api/core/v1"
	clientgoscheme "k8s.io/client-go/kubernetes/scheme"
	testclock "k8s.io/utils/clock/testing"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/client/fake"
)

func registryHosts() []string {
	return []string{"oras.flow.svc", "*.oras-pods.flow.svc", "localhost", "127.0.0.1", "::1"}
}

// newIssuer returns an issuer at a fake API server, and its clock.
func newIssuer(t *testing.T) (*Issuer, *testclock.FakePassiveClock) {
	t.Helper()
	clock := testclock.NewFakePassiveClock(testStart())
	made, err := NewIssuer(IssuerOptions{
		Client:    fake.NewClientBuilder().WithScheme(clientgoscheme.Scheme).WithInterceptorFuncs(allowed()).Build(),
		Log:       slog.New(slog.DiscardHandler),
		Namespace: "system",
		Secret:    "authority",
		Lifetime:  time.Duration(testLifetime),
		Clock:     clock,
	})
	assert.NilError(t, err)
	return made, clock
}

// accepts tells why a client that trusts authorities would not take what data serves for host.
func accepts(t *testing.T, now time.Time, authorities []byte, data map[string][]byte, host string) error {
	t.Helper()
	pair, err := tls.X509KeyPair(data[keyCertificate], data[keyPrivateKey])
	assert.NilError(t, err)
	_, err = pair.Leaf.Verify(x509.VerifyOptions{Roots: pool(authorities), DNSName: host, CurrentTime: now})
	return err
}

func TestARegistryIsTrustedByEveryNameOfIt(t *testing.T) {
	issuer, clock := newIssuer(t)
	data, err := issuer.Issue(t.Context(), registryHosts(), nil)
	assert.NilError(t, err)
	for _, host := range []string{"oras.flow.svc", "oras-0.oras-pods.flow.svc", "localhost", "127.0.0.1", "::1"} {
		assert.NilError(t, accepts(t, clock.Now(), data[keyAuthorities], data, host))
	}
	assert.ErrorContains(t, accepts(t, clock.Now(), data[keyAuthorities], data, "other.flow.svc"), "not other.flow.svc")
	assert.Equal(t, len(data), 3, "the authority's key stays with the operator")
}

func TestAGoodCertificateStays(t *testing.T) {
	issuer, clock := newIssuer(t)
	held, err := issuer.Issue(t.Context(), registryHosts(), nil)
	assert.NilError(t, err)
	for name, tc := range map[string]struct {
		after   time.Duration
		hosts   []string
		spoil   func(map[string][]byte)
		renewed bool
	}{
		"for a third of its life":            {after: 29 * 24 * time.Hour},
		"until then":                         {after: 31 * 24 * time.Hour, renewed: true},
		"unless another name is asked for":   {hosts: []string{"artifacts.flow.svc"}, renewed: true},
		"unless its key is another":          {spoil: func(d map[string][]byte) { d[keyPrivateKey] = nil }, renewed: true},
		"unless nobody trusts its authority": {spoil: foreignCertificate(t), renewed: true},
	} {
		t.Run(name, func(t *testing.T) {
			clock.SetTime(testStart().Add(tc.after))
			before := maps.Clone(held)
			if tc.spoil != nil {
				tc.spoil(before)
			}
			hosts := registryHosts()
			if tc.hosts != nil {
				hosts = tc.hosts
			}
			after, err := issuer.Issue(t.Context(), hosts, before)
			assert.NilError(t, err)
			assert.Equal(t, string(after[keyCertificate]) != string(before[keyCertificate]), tc.renewed)
			assert.NilError(t, accepts(t, clock.Now(), after[keyAuthorities], after, hosts[0]))
		})
	}
}

// foreignCertificate puts a certificate of somebody else into the data of a Secret.
func foreignCertificate(t *testing.T) func(map[string][]byte) {
	t.Helper()
	other, err := newAuthority(testStart(), testLifetime, "somebody")
	assert.NilError(t, err)
	cert, key, err := other.sign(testStart(), testLifetime, "somebody", registryHosts()...)
	assert.NilError(t, err)
	return func(data map[string][]byte) { data[keyCertificate], data[keyPrivateKey] = cert, key }
}

// Clients learn of new authorities, and registries of new certificates, days after they are written.
func TestNoClientMeetsACertificateThatItDoesNotTrust(t *testing.T) {
	const lag = 8
	for name, lose := range map[string]func(*Issuer){
		"the authorities rotate": func(*Issuer) {},
		"the authorities are lost": func(i *Issuer) {
			secret := &corev1.Secret{}
			assert.NilError(t, i.opts.Client.Get(t.Context(), client.ObjectKey{Namespace: "system", Name: "authority"}, secret))
			assert.NilError(t, i.opts.Client.Delete(t.Context(), secret))
		},
	} {
		t.Run(name, func(t *testing.T) {
			issuer, clock := newIssuer(t)
			held, err := issuer.Issue(t.Context(), registryHosts(), nil)
			assert.NilError(t, err)
			var history []map[string][]byte
			certificates, authorities := map[string]bool{}, map[string]bool{}
			for day := range 1000 {
				clock.SetTime(testStart().Add(time.Duration(day) * 24 * time.Hour))
				if day == 400 {
					lose(issuer)
				}
				next, err := issuer.Issue(t.Context(), registryHosts(), held)
				assert.NilError(t, err)
				history = append(history, next)
				for _, known := range []map[string][]byte{history[max(0, len(history)-lag)], next} {
					assert.NilError(t, accepts(t, clock.Now(), known[keyAuthorities], next, "oras.flow.svc"), "day %d", day)
					assert.NilError(t, accepts(t, clock.Now(), next[keyAuthorities], known, "oras.flow.svc"), "day %d", day)
				}
				certificates[string(next[keyCertificate])], authorities[string(next[keyAuthorities])] = true, true
				held = next
			}
			assert.Assert(t, len(certificates) > 20, "%d", len(certificates))
			assert.Assert(t, len(authorities) > 7, "%d", len(authorities))
			all, err := parseAuthorities(held[keyAuthorities])
			assert.NilError(t, err)
			assert.Assert(t, len(all) <= 4, "what has expired is dropped, and %d are left", len(all))
		})
	}
}

// The certificate was issued for a day, and would not last until nine days after its authority has a successor.
func TestALongerLifetimeLeavesNoClientBehind(t *testing.T) {
	const lag = 3 // hours
	issuer, clock := newIssuer(t)
	issuer.opts.Lifetime = 24 * time.Hour
	first, err := issuer.Issue(t.Context(), registryHosts(), nil)
	assert.NilError(t, err)
	issuer.opts.Lifetime = time.Duration(testLifetime)
	history := []map[string][]byte{first}
	for hour := range 48 {
		clock.SetTime(testStart().Add(time.Duration(hour) * time.Hour))
		next, err := issuer.Issue(t.Context(), registryHosts(), history[len(history)-1])
		assert.NilError(t, err)
		history = append(history, next)
		known := history[max(0, len(history)-lag)]
		assert.NilError(t, accepts(t, clock.Now(), known[keyAuthorities], next, "oras.flow.svc"), "hour %d", hour)
		assert.NilError(t, accepts(t, clock.Now(), next[keyAuthorities], known, "oras.flow.svc"), "hour %d", hour)
	}
	assert.Assert(t, string(history[len(history)-1][keyCertificate]) != string(first[keyCertificate]))
}

// A registry that was not looked after for long learns of an authority first, and is only then served by it.
func TestAnAuthorityIsPublishedBeforeItSigns(t *testing.T) {
	issuer, clock := newIssuer(t)
	held, err := issuer.Issue(t.Context(), registryHosts(), nil)
	assert.NilError(t, err)
	clock.SetTime(testStart().Add(100 * 24 * time.Hour)) // it has expired
	held, err = issuer.Issue(t.Context(), registryHosts(), held)
	assert.NilError(t, err)
	clock.SetTime(testStart().Add(121 * 24 * time.Hour))
	_, err = issuer.Issue(t.Context(), registryHosts(), nil) // of another registry: the authority gets its successor
	assert.NilError(t, err)
	clock.SetTime(testStart().Add(135 * 24 * time.Hour))
	told, err := issuer.Issue(t.Context(), registryHosts(), held)
	assert.NilError(t, err)
	assert.Assert(t, string(told[keyAuthorities]) != string(held[keyAuthorities]))
	assert.Equal(t, string(told[keyCertificate]), string(held[keyCertificate]))
	served, err := issuer.Issue(t.Context(), registryHosts(), told)
	assert.NilError(t, err)
	assert.Assert(t, string(served[keyCertificate]) != string(held[keyCertificate]))
}

func TestAnIssuerSaysWhatItLacks(t *testing.T) {
	good := IssuerOptions{Client: fake.NewClientBuilder().Build(), Log: slog.Default(), Namespace: "system", Secret: "authority"}
	for name, spoil := range map[string]func(*IssuerOptions){
		"no client":            func(o *IssuerOptions) { o.Client = nil },
		"no name":              func(o *IssuerOptions) { o.Secret = "" },
		"no time for rotation": func(o *IssuerOptions) { o.Lifetime = time.Second },
	} {
		t.Run(name, func(t *testing.T) {
			opts := good
			spoil(&opts)
			_, err := NewIssuer(opts)
			assert.ErrorContains(t, err, "registry certificates")
		})
	}
}

func TestAuthoritiesThatDidNotChangeAreNotWritten(t *testing.T) {
	issuer, _ := newIssuer(t)
	var versions []string
	for range 3 {
		_, err := issuer.Issue(t.Context(), registryHosts(), nil)
		assert.NilError(t, err)
		secret := &corev1.Secret{}
		assert.NilError(t, issuer.opts.Client.Get(t.Context(), client.ObjectKey{Namespace: "system", Name: "authority"}, secret))
		versions = append(versions, secret.ResourceVersion)
	}
	assert.Equal(t, len(slices.Compact(versions)), 1)
}
