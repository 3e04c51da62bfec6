package webhook

import (
	"context"
	"io"
	"log"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	imagename "github.com/google/go-containerregistry/pkg/name"
	"github.com/google/go-containerregistry/pkg/registry"
	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/empty"
	"github.com/google/go-containerregistry/pkg/v1/mutate"
	"github.com/google/go-containerregistry/pkg/v1/remote"
	"gotest.tools/v3/assert"
	admissionv1 "k8s.io/api/admission/v1"
	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/client/fake"
	"sigs.k8s.io/controller-runtime/pkg/client/interceptor"

	"github.com/converged-computing/oras-operator/pkg/imageconfig"
)

// private starts a registry with an image for whoever has the password "secret", and returns the image's name.
func private(t *testing.T) string {
	t.Helper()
	inner := registry.New(registry.Logger(log.New(io.Discard, "", 0)))
	open := true
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if _, password, _ := r.BasicAuth(); !open && password != "secret" {
			w.Header().Set("WWW-Authenticate", `Basic realm="x"`)
			w.WriteHeader(http.StatusUnauthorized)
			return
		}
		inner.ServeHTTP(w, r)
	}))
	t.Cleanup(server.Close)
	image := strings.TrimPrefix(server.URL, "http://") + "/private:1"
	ref, err := imagename.ParseReference(image)
	assert.NilError(t, err)
	made, err := mutate.Config(empty.Image, v1.Config{Entrypoint: []string{"/private"}})
	assert.NilError(t, err)
	assert.NilError(t, remote.Write(ref, made))
	open = false
	return image
}

func pullSecret(name, image, password string) *corev1.Secret {
	host, _, _ := strings.Cut(image, "/")
	return &corev1.Secret{
		ObjectMeta: metav1.ObjectMeta{Namespace: "team", Name: name},
		Type:       corev1.SecretTypeDockerConfigJson,
		Data:       map[string][]byte{corev1.DockerConfigJsonKey: []byte(`{"auths":{"` + host + `":{"username":"u","password":"` + password + `"}}}`)},
	}
}

func TestImagesAreLookedUpAsTheNodesWouldPullThem(t *testing.T) {
	image := private(t)
	account := func(name string, secrets ...corev1.LocalObjectReference) *corev1.ServiceAccount {
		return &corev1.ServiceAccount{ObjectMeta: metav1.ObjectMeta{Namespace: "team", Name: name}, ImagePullSecrets: secrets}
	}
	forbidden := interceptor.Funcs{Get: func(ctx context.Context, c client.WithWatch, key client.ObjectKey, o client.Object, opts ...client.GetOption) error {
		if _, secret := o.(*corev1.Secret); secret {
			return apierrors.NewForbidden(schema.GroupResource{Resource: "secrets"}, key.Name, nil)
		}
		return c.Get(ctx, key, o, opts...)
	}}
	for title, test := range map[string]struct {
		pod     corev1.PodSpec
		objects []client.Object
		funcs   interceptor.Funcs
		unknown string // of which the reason tells
	}{
		"by a Secret of the pod": {
			pod:     corev1.PodSpec{ImagePullSecrets: []corev1.LocalObjectReference{{Name: "gone"}, {Name: "pull"}}},
			objects: []client.Object{pullSecret("pull", image, "secret")},
		},
		"by a Secret of its ServiceAccount": {
			pod:     corev1.PodSpec{ServiceAccountName: "robot"},
			objects: []client.Object{account("robot", corev1.LocalObjectReference{Name: "pull"}), pullSecret("pull", image, "secret")},
		},
		"by a Secret of the default ServiceAccount": {
			objects: []client.Object{account("default", corev1.LocalObjectReference{Name: "pull"}), pullSecret("pull", image, "secret")},
		},
		"not by the ServiceAccount's where the pod has its own": {
			pod: corev1.PodSpec{ImagePullSecrets: []corev1.LocalObjectReference{{Name: "wrong"}}},
			objects: []client.Object{
				account("default", corev1.LocalObjectReference{Name: "pull"}), pullSecret("pull", image, "secret"), pullSecret("wrong", image, "no"),
			},
			unknown: "401",
		},
		"not without a Secret": {unknown: "401"},
		"and what may not be read is told": {
			pod:     corev1.PodSpec{ImagePullSecrets: []corev1.LocalObjectReference{{Name: "pull"}}},
			objects: []client.Object{pullSecret("pull", image, "secret")},
			funcs:   forbidden,
			unknown: `the operator may not read Secret "pull", which the image is pulled with; to let it, run kubectl create rolebinding oras-operator-pull-secrets --clusterrole=oras-operator-pull-secrets --user=oras-operator:pull-secrets --namespace=team`,
		},
	} {
		t.Run(title, func(t *testing.T) {
			cluster := fake.NewClientBuilder().WithObjects(test.objects...).WithInterceptorFuncs(test.funcs).Build()
			found := newCommands(cluster, cluster, nodes{cluster}, imageconfig.Options{AllowLoopback: true}).find(t.Context(), "team", test.pod, image)
			if test.unknown != "" {
				assert.Assert(t, strings.Contains(found.Unknown, test.unknown), "%q", found.Unknown)
				return
			}
			assert.Equal(t, found.Unknown, "")
			assert.DeepEqual(t, found.Entrypoint, []string{"/private"})
		})
	}
}

func node(name, arch, kubelet string) *corev1.Node {
	return &corev1.Node{
		ObjectMeta: metav1.ObjectMeta{Name: name, Labels: map[string]string{corev1.LabelArchStable: arch, corev1.LabelOSStable: "linux", "pool": name}},
		Status:     corev1.NodeStatus{NodeInfo: corev1.NodeSystemInfo{KubeletVersion: kubelet}},
	}
}

func TestWhereImagesAreNotLookedUpADenialSaysSo(t *testing.T) {
	find, err := findCommandFor(nil, Options{LookUpImages: false}, nodes{})
	assert.NilError(t, err)
	m := mutator()
	m.FindCommand = find
	pod := []byte(`{"apiVersion":"v1","kind":"Pod","metadata":{"name":"p","labels":{
		"oras.converged-computing.github.io/oras-cache":"oras","oras.converged-computing.github.io/output-uri":"made"}},
		"spec":{"restartPolicy":"Never","containers":[{"name":"app","image":"registry.example/tool:1"}]}}`)
	res := send(t, m.handlePod, admissionv1.Create, pod, nil)
	assert.Assert(t, !res.Allowed)
	assert.Assert(t, strings.Contains(res.Result.Message,
		`container "app" has no command, and that of image registry.example/tool:1 is not known: this operator runs with --look-up-images=false; set command`), res.Result.Message)
}
