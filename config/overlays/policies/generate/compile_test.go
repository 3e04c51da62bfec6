package main

import (
	"bytes"
	"os"
	"testing"

	"gotest.tools/v3/assert"
)

// Whoever changes a key or what it may be, or what the webhooks match, runs make generate.
func TestThePoliciesAreWhatTheCodeSays(t *testing.T) {
	want, err := os.ReadFile(overlay)
	assert.NilError(t, err)
	var got bytes.Buffer
	assert.NilError(t, run(&got, "../../../webhook"))
	assert.Equal(t, got.String(), string(want))
}

func TestThePoliciesCompile(t *testing.T) {
	for name, v := range versions() {
		t.Run(name, func(t *testing.T) { newServer(t, v) })
	}
}
