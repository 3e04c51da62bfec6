package server_test

import (
	"context"
	"os"
	"testing"
	"time"

	"gotest.tools/v3/assert"

	"github.com/converged-computing/oras-operator/test/bench/server"
)

func TestARegistryThatDoesNotComeUpSaysWhy(t *testing.T) {
	scratch := t.TempDir()
	kind := server.Kind{"registry", func(string, string) ([]string, error) {
		return []string{"/bin/sh", "-c", "echo no disk >&2; exec sleep 100"}, nil
	}}
	ctx, stop := context.WithTimeout(t.Context(), 300*time.Millisecond)
	defer stop()
	_, err := server.Serve(ctx, server.Loopback(), kind, scratch)
	assert.ErrorContains(t, err, "starting the registry")
	assert.ErrorContains(t, err, "no disk")
	left, err := os.ReadDir(scratch)
	assert.NilError(t, err)
	assert.Equal(t, len(left), 0)
}
