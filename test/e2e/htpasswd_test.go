//go:build e2e

package e2e

import (
	"os"
	"testing"

	"golang.org/x/crypto/bcrypt"
	"gotest.tools/v3/assert"
	is "gotest.tools/v3/assert/cmp"
	"gotest.tools/v3/icmd"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/converged-computing/oras-operator/pkg/apis/v1alpha1"
)

func TestStepsAndPeopleUseARegistryThatWantsPasswords(t *testing.T) {
	t.Parallel()
	c := connect(t)
	ns := c.namespace(t, nil)
	const alice, secret = "alice", "an apple a day"
	hash, err := bcrypt.GenerateFromPassword([]byte(secret), bcrypt.MinCost)
	assert.NilError(t, err)
	assert.NilError(t, c.Create(within(t), &corev1.Secret{
		ObjectMeta: metav1.ObjectMeta{Namespace: ns, Name: "people"},
		StringData: map[string]string{"htpasswd": alice + ":" + string(hash) + "\n"},
	}))
	c.cacheOf(t, ns, v1alpha1.OrasCacheSpec{Auth: v1alpha1.AuthHtpasswd, HtpasswdSecretName: "people"})

	assert.Equal(t, c.twoSteps(t, ns, "env", "ORAS_PASS"), "42\n", "the command sees the password")

	var steps corev1.Secret
	assert.NilError(t, c.Get(within(t), client.ObjectKey{Namespace: ns, Name: cacheName + "-steps"}, &steps))
	host := c.forward(t, ns)
	for name, password := range map[string]string{
		alice: secret,
		string(steps.Data[v1alpha1.CredentialsUser]): string(steps.Data[v1alpha1.CredentialsPassword]),
	} {
		dir := t.TempDir()
		oras(t, dir, "pull", "--plain-http", "--username", name, "--password", password, host+"/analyze:v1")
		assert.DeepEqual(t, contents(t, dir), map[string]string{"result.txt": "42"})
	}
	for name, tc := range map[string]struct {
		credentials []string
		says        string
	}{
		"no password":           {nil, "basic credential not found"},
		"another's password":    {[]string{"--username", alice, "--password", string(steps.Data[v1alpha1.CredentialsPassword])}, "there is no such user, or the password is another"},
		"a user that is nobody": {[]string{"--username", "bob", "--password", secret}, "there is no such user, or the password is another"},
	} {
		args := append([]string{"pull", "--plain-http", "--output", t.TempDir(), host + "/analyze:v1"}, tc.credentials...)
		result := icmd.RunCmd(icmd.Command(os.Getenv("ORAS_CLI"), args...))
		assert.Assert(t, result.ExitCode != 0, name)
		assert.Assert(t, is.Contains(result.Combined(), tc.says), name)
	}
}
