package controller

import (
	"bytes"
	"strings"
	"testing"

	"golang.org/x/crypto/bcrypt"
	"gotest.tools/v3/assert"
	"gotest.tools/v3/assert/cmp"
	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
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
	file, err := users(nil, []byte("a password"), withoutSteps([]byte("ada:x\noras-steps:y\n \toras-steps:y\ngrace:z\n")))
	assert.NilError(t, err)
	lines := strings.Split(string(file), "\n")
	assert.Assert(t, strings.HasPrefix(lines[0], "oras-steps:$2"))
	assert.DeepEqual(t, lines[1:], []string{"ada:x", "", "", "grace:z", ""})
}

const (
	ada   = "ada:$2a$04$VKBcrxW/jUqVC.xgAbX5OuXZZWT2bCv.k3hKuqdX2fDrbQUVnVeYG\n"
	grace = "grace:$2a$04$VKBcrxW/jUqVC.xgAbX5OuXZZWT2bCv.k3hKuqdX2fDrbQUVnVeYG\n"
)

// withPeople is a cluster of a registry whose users are in a Secret.
func withPeople(t *testing.T, file string) (cluster, *corev1.Secret) {
	t.Helper()
	people := &corev1.Secret{
		ObjectMeta: metav1.ObjectMeta{Namespace: "flow", Name: "people"}, Data: map[string][]byte{htpasswdKey: []byte(file)},
	}
	return newCluster(t, interceptor.Funcs{}, people, newCache(func(cache *v1alpha1.OrasCache) {
		cache.Spec.Auth, cache.Spec.HtpasswdSecretName = v1alpha1.AuthHtpasswd, "people"
	})), people
}

func TestUsersThatCannotBeReadLeaveARegistryAsItWas(t *testing.T) {
	const broken = "oras-steps:mine\n" + ada + "grace:hunter2\n"
	for name, tc := range map[string]struct {
		breakIt                 func(t *testing.T, c cluster, people *corev1.Secret)
		wantReason, wantMessage string
	}{
		"a line is broken": {func(t *testing.T, c cluster, people *corev1.Secret) {
			people.Data[htpasswdKey] = []byte(broken)
			assert.NilError(t, c.Update(t.Context(), people))
		}, v1alpha1.ReasonUsersInvalid, "Secret people of spec.htpasswdSecretName cannot be read: line 3: the password is not hashed with bcrypt"},
		"it is gone": {func(t *testing.T, c cluster, people *corev1.Secret) {
			assert.NilError(t, c.Delete(t.Context(), people))
		}, v1alpha1.ReasonSecretMissing, "There is no Secret people"},
	} {
		t.Run(name, func(t *testing.T) {
			c, people := withPeople(t, ada)
			_, _, err := c.reconcile(t)
			assert.NilError(t, err)
			before, after, set := &corev1.Secret{}, &corev1.Secret{}, &appsv1.StatefulSet{}
			assert.Assert(t, c.has(t, "oras-htpasswd", before))
			assert.Assert(t, cmp.Contains(string(before.Data[htpasswdKey]), ada))

			tc.breakIt(t, c, people)
			assert.Assert(t, c.has(t, "oras", set))
			assert.NilError(t, c.Delete(t.Context(), set)) // all else is still put right
			cache, result, err := c.reconcile(t)
			assert.NilError(t, err)
			assert.Equal(t, reasonOf(cache), tc.wantReason)
			assert.Assert(t, cmp.Contains(cache.Status.Conditions[0].Message, tc.wantMessage))
			assert.Assert(t, !strings.Contains(cache.Status.Conditions[0].Message, "hunter2"))
			assert.Assert(t, result.RequeueAfter > 0)
			assert.Assert(t, c.has(t, "oras-htpasswd", after))
			assert.DeepEqual(t, after.Data, before.Data)
			assert.Assert(t, c.has(t, "oras", set))
		})
	}
}

func TestUsersThatCannotBeReadStartNoRegistry(t *testing.T) {
	c, people := withPeople(t, "ada:hunter2\n")
	cache, _, err := c.reconcile(t)
	assert.NilError(t, err)
	assert.Equal(t, reasonOf(cache), v1alpha1.ReasonUsersInvalid)
	assert.Assert(t, !c.has(t, "oras", &appsv1.StatefulSet{}))

	people.Data[htpasswdKey] = []byte(ada)
	assert.NilError(t, c.Update(t.Context(), people))
	cache, _, err = c.reconcile(t)
	assert.NilError(t, err)
	assert.Assert(t, reasonOf(cache) != v1alpha1.ReasonUsersInvalid)
	assert.Assert(t, c.has(t, "oras", &appsv1.StatefulSet{}))
}
