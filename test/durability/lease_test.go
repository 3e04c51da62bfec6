package durability

import (
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"testing"

	"gotest.tools/v3/assert"
	coordinationv1 "k8s.io/api/coordination/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/client-go/kubernetes/scheme"
)

const (
	leaseNamespace = "default"
	leaseName      = "registry"
)

// leases is as much of an API server as the replicas need to agree on who collects: one Lease, which is read, made, and replaced by whoever
// has read it last. What Kubernetes' own makes of it is tested on a cluster.
type leases struct {
	mu       sync.Mutex
	lease    *coordinationv1.Lease
	turns    int // how often it went to somebody else
	versions int
}

// serveLeases serves them until the test ends, and returns a kubeconfig.
func serveLeases(t *testing.T) (*leases, string) {
	t.Helper()
	l := &leases{}
	server := httptest.NewServer(l)
	t.Cleanup(server.Close)
	kubeconfig := filepath.Join(t.TempDir(), "kubeconfig")
	assert.NilError(t, os.WriteFile(kubeconfig, fmt.Appendf(nil, `{apiVersion: v1, kind: Config, current-context: it,
clusters: [{name: it, cluster: {server: %q}}], contexts: [{name: it, context: {cluster: it, user: it}}], users: [{name: it, user: {}}]}`, server.URL), 0o600))
	return l, kubeconfig
}

func (l *leases) ServeHTTP(w http.ResponseWriter, req *http.Request) {
	l.mu.Lock()
	defer l.mu.Unlock()
	path, name := "/apis/coordination.k8s.io/v1/namespaces/"+leaseNamespace+"/leases", "/"+leaseName
	switch {
	case !strings.HasPrefix(req.URL.Path, path):
		refuse(w, http.StatusNotFound, metav1.StatusReasonNotFound)
	case req.Method == http.MethodPost && l.lease == nil, req.Method == http.MethodPut && l.lease != nil && req.URL.Path == path+name:
		l.write(w, req)
	case req.Method == http.MethodPost:
		refuse(w, http.StatusConflict, metav1.StatusReasonAlreadyExists)
	case l.lease == nil:
		refuse(w, http.StatusNotFound, metav1.StatusReasonNotFound)
	default:
		give(w, http.StatusOK, l.lease)
	}
}

func (l *leases) write(w http.ResponseWriter, req *http.Request) {
	lease := &coordinationv1.Lease{}
	body, err := io.ReadAll(req.Body)
	if err == nil {
		_, _, err = scheme.Codecs.UniversalDeserializer().Decode(body, nil, lease)
	}
	if err != nil {
		refuse(w, http.StatusBadRequest, metav1.StatusReasonBadRequest)
		return
	}
	if l.lease != nil && lease.ResourceVersion != l.lease.ResourceVersion {
		refuse(w, http.StatusConflict, metav1.StatusReasonConflict)
		return
	}
	if l.lease == nil || *l.lease.Spec.HolderIdentity != *lease.Spec.HolderIdentity {
		l.turns++
	}
	l.versions++
	lease.ResourceVersion = strconv.Itoa(l.versions)
	lease.TypeMeta = metav1.TypeMeta{APIVersion: "coordination.k8s.io/v1", Kind: "Lease"}
	l.lease = lease
	give(w, http.StatusOK, l.lease)
}

func refuse(w http.ResponseWriter, status int, reason metav1.StatusReason) {
	give(w, status, metav1.Status{
		TypeMeta: metav1.TypeMeta{APIVersion: "v1", Kind: "Status"}, Status: metav1.StatusFailure, Reason: reason, Code: int32(status),
	})
}

func give(w http.ResponseWriter, status int, object any) {
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(status)
	_ = json.NewEncoder(w).Encode(object) // who asked may have been killed
}
