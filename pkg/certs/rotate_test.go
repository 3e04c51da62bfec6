package certs

import (
	"bytes"
	"crypto/x509"
	"testing"
	"time"

	"gotest.tools/v3/assert"
)

const (
	testHost     = "hooks.system.svc"
	testLifetime = Lifetime(90 * 24 * time.Hour)
)

func testStart() time.Time { return time.Date(2026, 1, 2, 3, 4, 5, 678, time.UTC) }

// verify checks as the API server does, at now, what b serves against a caBundle.
func verify(t *testing.T, now time.Time, b bundle, caBundle []byte, host string) error {
	t.Helper()
	held, err := b.parse()
	assert.NilError(t, err)
	_, err = held.serving.Leaf.Verify(x509.VerifyOptions{Roots: pool(caBundle), DNSName: host, CurrentTime: now})
	return err
}

func issue(t *testing.T, now time.Time) bundle {
	t.Helper()
	b, err := issueBundle(now, testLifetime, testHost)
	assert.NilError(t, err)
	return b
}

func TestAnIssuedCertificate(t *testing.T) {
	start := testStart()
	end := start.Add(time.Duration(testLifetime))
	other := issue(t, start)
	tests := map[string]struct {
		at      time.Time
		host    string
		trusted func(bundle) []byte
		want    string
	}{
		"is accepted at once":                     {at: start, host: testHost},
		"is accepted by a clock that is behind":   {at: start.Add(-skew), host: testHost},
		"is accepted until its end":               {at: end.Add(-time.Minute), host: testHost},
		"is refused afterwards":                   {at: end.Add(time.Minute), host: testHost, want: "expired"},
		"is refused for another Service":          {at: start, host: "other.system.svc", want: "not other.system.svc"},
		"is refused by who trusts another bundle": {at: start, host: testHost, trusted: func(bundle) []byte { return other.Authorities }, want: "unknown authority"},
	}
	for name, tc := range tests {
		t.Run(name, func(t *testing.T) {
			b := issue(t, start)
			trusted := b.Authorities
			if tc.trusted != nil {
				trusted = tc.trusted(b)
			}
			err := verify(t, tc.at, b, trusted, tc.host)
			if tc.want == "" {
				assert.NilError(t, err)
			} else {
				assert.ErrorContains(t, err, tc.want)
			}
		})
	}
}

func TestAnAuthoritySignsNoAuthority(t *testing.T) {
	held, err := issue(t, testStart()).parse()
	assert.NilError(t, err)
	assert.Assert(t, held.signer.cert.IsCA)
	assert.Assert(t, held.signer.cert.MaxPathLenZero)
	assert.Assert(t, !held.serving.Leaf.IsCA)
	assert.DeepEqual(t, held.serving.Leaf.ExtKeyUsage, []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth})
}

func TestOneStepOfRotation(t *testing.T) {
	const day = 24 * time.Hour
	type change struct{ serving, authorities bool }
	tests := map[string]struct {
		after time.Duration
		spoil func(*bundle)
		host  string
		want  change
	}{
		"nothing is due":                         {after: 29 * day, want: change{}},
		"a serving certificate is a third over":  {after: 31 * day, want: change{serving: true}},
		"an authority is a third over":           {after: 121 * day, want: change{serving: true, authorities: true}},
		"there is nothing yet":                   {spoil: func(b *bundle) { *b = bundle{} }, want: change{serving: true, authorities: true}},
		"the key is not that of the certificate": {spoil: swapKeys, want: change{serving: true, authorities: true}},
		"the authorities are garbage":            {spoil: func(b *bundle) { b.Authorities = []byte("?") }, want: change{serving: true, authorities: true}},
		"the Service has another name":           {host: "new.system.svc", want: change{serving: true, authorities: true}},
	}
	for name, tc := range tests {
		t.Run(name, func(t *testing.T) {
			old := issue(t, testStart())
			if tc.spoil != nil {
				tc.spoil(&old)
			}
			host := testHost
			if tc.host != "" {
				host = tc.host
			}
			now := testStart().Add(tc.after)
			next, err := rotate(now, testLifetime, host, old)
			assert.NilError(t, err)
			assert.Equal(t, change{
				serving:     !bytes.Equal(next.Certificate, old.Certificate),
				authorities: !bytes.Equal(next.Authorities, old.Authorities),
			}, tc.want)
			assert.NilError(t, verify(t, now, next, next.Authorities, host))
		})
	}
}

func swapKeys(b *bundle) { b.PrivateKey, b.AuthorityKey = b.AuthorityKey, b.PrivateKey }

func TestANewAuthoritySignsOnlyOnceAllKnowIt(t *testing.T) {
	now := testStart()
	first := issue(t, now)
	// The serving certificate is renewed in time; then the authority is due.
	now = now.Add(100 * 24 * time.Hour)
	renewed := first
	assert.NilError(t, renewed.serve(now, testLifetime, signer(t, first), testHost))
	now = now.Add(21 * 24 * time.Hour)

	published, err := rotate(now, testLifetime, testHost, renewed)
	assert.NilError(t, err)
	assert.DeepEqual(t, published.Certificate, renewed.Certificate)
	assert.Assert(t, bytes.HasSuffix(published.Authorities, first.Authorities), "the old authority is still trusted")
	assert.Assert(t, len(published.Authorities) > len(first.Authorities))

	early, err := rotate(now.Add(testLifetime.settle()-time.Second), testLifetime, testHost, published)
	assert.NilError(t, err)
	assert.DeepEqual(t, early, published)

	now = now.Add(testLifetime.settle() + time.Second)
	settled, err := rotate(now, testLifetime, testHost, published)
	assert.NilError(t, err)
	assert.NilError(t, verify(t, now, settled, published.Authorities, testHost))
	assert.ErrorContains(t, verify(t, now, settled, first.Authorities, testHost), "unknown authority")
}

func signer(t *testing.T, b bundle) authority {
	t.Helper()
	held, err := b.parse()
	assert.NilError(t, err)
	return held.signer
}

func TestAShorterLifetimeTakesEffectAtOnce(t *testing.T) {
	now := testStart()
	short := Lifetime(time.Hour)
	b := issue(t, now)
	for range 2 { // the authority, then the certificate
		now = now.Add(short.settle() + time.Second)
		var err error
		b, err = rotate(now, short, testHost, b)
		assert.NilError(t, err)
	}
	held, err := b.parse()
	assert.NilError(t, err)
	assert.Assert(t, held.serving.Leaf.NotAfter.Before(now.Add(time.Hour+time.Second)))
}

// What is served was issued for a short life, and would not last until an authority of a long one has settled.
func TestALongerLifetimeLeavesNobodyBehind(t *testing.T) {
	for _, short := range []time.Duration{MinLifetime, 3 * time.Minute, 10 * time.Minute, time.Hour, 24 * time.Hour} {
		t.Run(short.String(), func(t *testing.T) {
			now := testStart()
			current, err := issueBundle(now, Lifetime(short), testHost)
			assert.NilError(t, err)
			now = now.Add(short / 3)
			for end := now.Add(min(2*short, 20*time.Minute)); now.Before(end); now = now.Add(testLifetime.Poll()) {
				next, err := rotate(now, testLifetime, testHost, current)
				assert.NilError(t, err)
				for _, served := range []bundle{current, next} { // one step late
					for _, injected := range []bundle{current, next} {
						assert.NilError(t, verify(t, now, served, injected.Authorities, testHost), "%s after the start", now.Sub(testStart()))
					}
				}
				current = next
			}
			held, err := current.parse()
			assert.NilError(t, err)
			assert.Assert(t, !due(now, held.serving.Leaf.NotAfter, testLifetime.serving()))
			assert.NilError(t, held.serving.Leaf.CheckSignatureFrom(held.signer.cert))
		})
	}
}

// TestNobodyIsEverLeftBehind lives through two years with replicas and an API server that follow one step late: whatever
// any of them serves is trusted by what any of them has injected, at every moment.
func TestNobodyIsEverLeftBehind(t *testing.T) {
	const day = 24 * time.Hour
	now := testStart()
	current := issue(t, now)
	certificates, authorities := 0, 0
	for end := now.Add(2 * 365 * day); now.Before(end); {
		next, err := rotate(now, testLifetime, testHost, current)
		assert.NilError(t, err)
		for _, served := range []bundle{current, next} {
			for _, injected := range []bundle{current, next} {
				assert.NilError(t, verify(t, now, served, injected.Authorities, testHost))
			}
		}
		held, err := next.parse()
		assert.NilError(t, err)
		assert.Assert(t, len(held.authorities) <= 4)
		assert.Assert(t, held.serving.Leaf.NotAfter.Sub(now) > 50*day, "rotation is long before expiry")

		newCertificate := !bytes.Equal(next.Certificate, current.Certificate)
		newAuthorities := !bytes.Equal(next.Authorities, current.Authorities)
		if newCertificate {
			certificates++
		}
		if newAuthorities {
			authorities++
		}
		step := 5 * day
		if newCertificate || newAuthorities {
			step = testLifetime.settle() + time.Second
		}
		current, now = next, now.Add(step)
	}
	assert.Assert(t, certificates >= 2*365/36, "%d", certificates)
	assert.Assert(t, authorities >= 2*365/121-1, "%d", authorities)
}

func TestABrokenBundleIsTold(t *testing.T) {
	tests := map[string]func(*bundle){
		"no authorities":                       func(b *bundle) { b.Authorities = nil },
		"authorities that are no certificates": func(b *bundle) { b.Authorities = b.AuthorityKey },
		"no key of the authority":              func(b *bundle) { b.AuthorityKey = nil },
		"no certificate":                       func(b *bundle) { b.Certificate = nil },
		"a key of something else":              func(b *bundle) { b.PrivateKey = b.AuthorityKey },
	}
	for name, spoil := range tests {
		t.Run(name, func(t *testing.T) {
			b := issue(t, testStart())
			spoil(&b)
			_, err := b.parse()
			assert.ErrorIs(t, err, errBundle)
		})
	}
}
