//go:build e2e

package e2e

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"gotest.tools/v3/assert"
	is "gotest.tools/v3/assert/cmp"
	"gotest.tools/v3/icmd"
	corev1 "k8s.io/api/core/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/converged-computing/oras-operator/pkg/apis/v1alpha1"
)

// The registry asks for tokens, too, which no client sends to a registry whose certificate it does not trust.
func TestE84ARegistryWithACertificateOfTheOperatorIsTrustedWithoutAHand(t *testing.T) {
	t.Parallel()
	c := connect(t)
	ns := c.namespace(t, nil)
	p := c.privateOf(t, ns, v1alpha1.OrasCacheSpec{TLS: v1alpha1.TLSSpec{Enabled: true}})

	assert.Equal(t, c.twoSteps(t, ns, "write", "/data/summary.txt", "sealed"), "42")

	dir := t.TempDir()
	pull := []string{"pull", "--output", dir, p.host + "/analyze:v1"}
	trusting := append(pull, "--plain-http=false", "--ca-file", c.authority(t, ns))
	p.orasAs(t, dir, trusting...).Assert(t, icmd.Success)
	assert.DeepEqual(t, contents(t, dir), map[string]string{"result.txt": "42", "summary.txt": "sealed"})

	for want, result := range map[string]*icmd.Result{
		"certificate signed by unknown authority": p.orasAs(t, dir, append(pull, "--plain-http=false")...),
		"400: Bad Request":                        p.orasAs(t, dir, append(pull, "--plain-http")...),
		"basic credential not found":              icmd.RunCmd(icmd.Command(os.Getenv("ORAS_CLI"), trusting...)),
	} {
		assert.Assert(t, result.ExitCode != 0, want)
		assert.Assert(t, is.Contains(result.Combined(), want))
	}
}

// authority writes the authority that signed the registry's certificate to a file, as a user gets it, and returns its path.
func (c *cluster) authority(t *testing.T, namespace string) string {
	t.Helper()
	var published corev1.ConfigMap
	assert.NilError(t, c.Get(within(t), client.ObjectKey{Namespace: namespace, Name: cacheName + "-ca"}, &published))
	file := filepath.Join(t.TempDir(), v1alpha1.CAKey)
	assert.NilError(t, os.WriteFile(file, []byte(published.Data[v1alpha1.CAKey]), 0o600))
	assert.Assert(t, strings.HasPrefix(published.Data[v1alpha1.CAKey], "-----BEGIN CERTIFICATE-----"))
	return file
}
