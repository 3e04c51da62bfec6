package main

import (
	"net/http"
	"net/http/httptest"
	"testing"

	"gotest.tools/v3/assert"

	"github.com/converged-computing/oras-operator/pkg/registry/access"
)

func TestARegistryBelievesTheStepsOfTheCluster(t *testing.T) {
	c, err := newCluster(t.TempDir())
	assert.NilError(t, err)
	t.Cleanup(c.Close)
	guard, err := access.New(t.Context(), access.Config{Auth: access.AuthServiceAccount, Cache: cacheName}, access.Options{Kubernetes: c.Config()})
	assert.NilError(t, err)
	t.Cleanup(guard.Close)
	handler := guard.Handler(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusOK) }))
	for authorization, status := range map[string]int{
		"Bearer " + c.token:       http.StatusOK,
		"Bearer " + c.token + "x": http.StatusUnauthorized,
		"":                        http.StatusUnauthorized,
	} {
		req := httptest.NewRequest(http.MethodPut, "/v2/"+repository+"/manifests/v1", nil)
		req.Header.Set("Authorization", authorization)
		answer := httptest.NewRecorder()
		handler.ServeHTTP(answer, req)
		assert.Equal(t, answer.Code, status, authorization)
	}
}
