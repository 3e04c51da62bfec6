package main

import (
	"log/slog"
	"testing"

	"gotest.tools/v3/assert"
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

	made, err := newCertificates(nowhere, scheme, opts, log)
	assert.NilError(t, err)
	_, own := made.served.(*certs.Source)
	assert.Assert(t, own, "%T", made.served)
	assert.Assert(t, made.keeper != nil)

	opts.certDir = t.TempDir()
	made, err = newCertificates(nowhere, scheme, opts, log)
	assert.NilError(t, err)
	_, given := made.served.(*certs.Files)
	assert.Assert(t, given, "%T", made.served)
	assert.Assert(t, made.keeper == nil)
	assert.ErrorIs(t, made.served.Ready(), certs.ErrNoCertificate)
}
