package who_test

import (
	"context"
	"testing"

	"gotest.tools/v3/assert"

	"github.com/converged-computing/oras-operator/pkg/registry/internal/who"
)

func TestANameIsKnownAbove(t *testing.T) {
	above := who.Track(t.Context())
	assert.Equal(t, who.Of(above), "")
	below, cancel := context.WithCancel(above)
	defer cancel()
	who.Set(below, "alice")
	assert.Equal(t, who.Of(above), "alice")
}

func TestWhereNobodyTracksNothingIsKnown(t *testing.T) {
	who.Set(t.Context(), "alice")
	assert.Equal(t, who.Of(t.Context()), "")
}
