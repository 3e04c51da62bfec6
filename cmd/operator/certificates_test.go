package main

import (
	"log/slog"
	"testing"

	"gotest.tools/v3/assert"
	"gotest.tools/v3/assert/cmp"
	"k8s.io/client-go/rest"

	"github.com/converged-computing/oras-operator/pkg/apis/v1alpha1"
	"github.com/converged-computing/oras-operator/pkg/certs"
)

func TestTheManagerKeepsACertificateUnlessItIsGivenOne(t *testing.T) {
	scheme, err := v1alpha1.NewScheme()
	assert.NilError(t, err)
	nowhere := &rest.Config{Host: "https://127.0.0.1:1"}
	log := slog.New(slog.DiscardHandler)
	opts := &managerOptions{namespace: "system", certLifetime: certs.DefaultLifetime}

	served, kept, err := newCertificates(nowhere, scheme, opts, log)
	assert.NilError(t, err)
	_, own := served.(*certs.Source)
	assert.Assert(t, own, "%T", served)
	assert.Assert(t, cmp.Len(kept, 1))

	opts.certDir = t.TempDir()
	served, kept, err = newCertificates(nowhere, scheme, opts, log)
	assert.NilError(t, err)
	_, given := served.(*certs.Files)
	assert.Assert(t, given, "%T", served)
	assert.Assert(t, cmp.Len(kept, 0))
	assert.ErrorIs(t, served.Ready(), certs.ErrNoCertificate)
}
