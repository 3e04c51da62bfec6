package controller

import (
	"bytes"
	"strings"
	"testing"

	"golang.org/x/crypto/bcrypt"
	"gotest.tools/v3/assert"
	corev1 "k8s.io/api/core/v1"
	"sigs.k8s.io/controller-runtime/pkg/client/interceptor"

	"github.com/converged-computing/oras-operator/pkg/apis/v1alpha1"
)

func TestStepsAreAUserThatStays(t *testing.T) {
	c := newCluster(t, interceptor.Funcs{}, newCache(func(cache *v1alpha1.OrasCache) { cache.Spec.Auth = v1alpha1.AuthHtpasswd }))
	var lines []string
	for range 2 {
		cache, _, err := c.reconcile(t)
		assert.NilError(t, err)
		steps, users := &corev1.Secret{}, &corev1.Secret{}
		assert.Assert(t, c.has(t, cache.CredentialsSource(), steps))
		assert.Assert(t, c.has(t, "oras-htpasswd", users))
		line, _, _ := bytes.Cut(users.Data[htpasswdKey], []byte("\n"))
		hash, found := bytes.CutPrefix(line, append(steps.Data[v1alpha1.CredentialsUser], ':'))
		assert.Assert(t, found)
		assert.NilError(t, bcrypt.CompareHashAndPassword(hash, steps.Data[v1alpha1.CredentialsPassword]))
		lines = append(lines, string(line))
	}
	assert.Equal(t, lines[0], lines[1])
}

func TestNobodyElseIsTheUserOfSteps(t *testing.T) {
	file, err := users(nil, []byte("a password"), []byte("ada:x\noras-steps:y\ngrace:z\n"))
	assert.NilError(t, err)
	lines := strings.Split(string(file), "\n")
	assert.Assert(t, strings.HasPrefix(lines[0], "oras-steps:$2"))
	assert.DeepEqual(t, lines[1:], []string{"ada:x", "grace:z", ""})
}
