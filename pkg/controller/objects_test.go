package controller

import (
	"bytes"
	"context"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"gotest.tools/v3/assert"
	"gotest.tools/v3/golden"
	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/client/interceptor"
	"sigs.k8s.io/yaml"

	"github.com/converged-computing/oras-operator/pkg/apis/v1alpha1"
)

// TestObjects applies what each testdata/*/cache.yaml asks for and compares it with the objects.yaml beside it, which
// `go test -update` writes. The Secrets that a cache names are there.
func TestObjects(t *testing.T) {
	for dir, cache := range examples(t) {
		t.Run(strings.ReplaceAll(dir, "-", " "), func(t *testing.T) {
			golden.Assert(t, applied(t, cache), filepath.Join(dir, "objects.yaml"))
		})
	}
}

// examples are the OrasCaches of testdata by the names of their directories.
func examples(t *testing.T) map[string]*v1alpha1.OrasCache {
	t.Helper()
	paths, err := filepath.Glob("testdata/*/cache.yaml")
	assert.NilError(t, err)
	assert.Assert(t, len(paths) > 0)
	all := map[string]*v1alpha1.OrasCache{}
	for _, path := range paths {
		data, err := os.ReadFile(path)
		assert.NilError(t, err)
		cache := &v1alpha1.OrasCache{}
		assert.NilError(t, yaml.UnmarshalStrict(data, cache))
		all[filepath.Base(filepath.Dir(path))] = cache
	}
	return all
}

// applied returns what is applied for cache, as YAML in the order in which it is.
func applied(t *testing.T, cache *v1alpha1.OrasCache) string {
	t.Helper()
	var all strings.Builder
	record := interceptor.Funcs{
		Apply: func(ctx context.Context, c client.WithWatch, want runtime.ApplyConfiguration, opts ...client.ApplyOption) error {
			encoded, err := yaml.Marshal(want)
			assert.NilError(t, err)
			all.WriteString("---\n" + readable(t, encoded))
			return c.Apply(ctx, want, opts...)
		},
	}
	c := newCluster(t, record, append(named(t, cache), cache)...)
	_, err := c.reconciler.Reconcile(t.Context(), requestFor(cache))
	assert.NilError(t, err)
	return all.String()
}

var (
	pemBlock = regexp.MustCompile(`(?s)-----BEGIN ([A-Z ]+)-----.*?-----END [A-Z ]+-----\n`)
	digested = regexp.MustCompile(annotationSettings + `: "?[0-9a-f]{16}"?`)
	bcrypted = regexp.MustCompile(`\$2a\$\S+`)
)

// readable replaces what is made up at random or at the time, and shows the data of Secrets as text.
func readable(t *testing.T, encoded []byte) string {
	t.Helper()
	mask := func(text string) string {
		return bcrypted.ReplaceAllString(pemBlock.ReplaceAllString(text, "($1)\n"), "(bcrypt)")
	}
	var object map[string]any
	encoded = digested.ReplaceAll(encoded, []byte(annotationSettings+": (digest)"))
	assert.NilError(t, yaml.Unmarshal(encoded, &object))
	switch object["kind"] {
	case "Secret":
		var typed corev1.Secret
		assert.NilError(t, yaml.Unmarshal(encoded, &typed))
		text := map[string]string{}
		for key, value := range typed.Data {
			text[key] = mask(string(value))
			if key == secretKey || key == v1alpha1.CredentialsPassword {
				assert.Assert(t, len(value) >= 20)
				text[key] = "(random)"
			}
		}
		object["data"] = text
	case "ConfigMap":
		data := object["data"].(map[string]any)
		for key, value := range data {
			data[key] = mask(value.(string))
		}
	}
	out, err := yaml.Marshal(object)
	assert.NilError(t, err)
	return string(bytes.TrimLeft(out, "\n"))
}

// named are the Secrets that the spec of cache names.
func named(t *testing.T, cache *v1alpha1.OrasCache) []client.Object {
	t.Helper()
	var all []client.Object
	add := func(name string, data map[string][]byte) {
		s := &corev1.Secret{Data: data}
		s.Namespace, s.Name = cache.Namespace, name
		all = append(all, s)
	}
	if name := cache.Spec.TLS.SecretName; name != "" {
		data := selfSigned(t, hostsOf(cache)...)
		delete(data, tlsCAKey)
		add(name, data)
	}
	if name := cache.Spec.HtpasswdSecretName; name != "" {
		add(name, map[string][]byte{htpasswdKey: []byte(ada)})
	}
	if s3 := cache.Spec.Storage.S3; s3 != nil && s3.SecretName != "" {
		add(s3.SecretName, map[string][]byte{accessKeyID: []byte("id"), secretAccessKey: []byte("key")})
	}
	return all
}
