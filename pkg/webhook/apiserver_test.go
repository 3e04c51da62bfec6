package webhook

import (
	"errors"
	"testing"

	"gotest.tools/v3/assert"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/version"
)

// server is one of some version; without one it does not answer.
type server string

func (s server) ServerVersion() (*version.Info, error) {
	if s == "" {
		return nil, errors.New("connection refused")
	}
	return &version.Info{GitVersion: string(s)}, nil
}

func TestAServerWithoutNativeSidecarsIsRefused(t *testing.T) {
	for _, fine := range []server{"v1.29.0", "v1.29.15-eks-a1b2c3", "v1.37.2+k3s1", "v2.0.0"} {
		assert.NilError(t, checkServer(fine), string(fine))
	}
	assert.ErrorIs(t, checkServer(server("v1.28.15-gke.100")), ErrServerTooOld)
	assert.Error(t, checkServer(server("v1.28.15")), "native sidecars need Kubernetes 1.29 or newer, and the API server is v1.28.15: upgrade the cluster")
	assert.ErrorContains(t, checkServer(server("")), "asking the API server for its version: connection refused")
	assert.ErrorContains(t, checkServer(server("nonsense")), "reading the API server's version")
}

// groups are those that an API server serves; none where it does not answer.
type groups []string

func (g groups) ServerGroups() (*metav1.APIGroupList, error) {
	if len(g) == 0 {
		return nil, errors.New("connection refused")
	}
	list := &metav1.APIGroupList{}
	for _, name := range g {
		list.Groups = append(list.Groups, metav1.APIGroup{Name: name})
	}
	return list, nil
}

func TestOpenShiftAssignsUsers(t *testing.T) {
	assigned, err := assignsUsers(groups{"apps", "security.openshift.io"})
	assert.NilError(t, err)
	assert.Assert(t, assigned)
	assigned, err = assignsUsers(groups{"apps"})
	assert.NilError(t, err)
	assert.Assert(t, !assigned)
	_, err = assignsUsers(groups{})
	assert.ErrorContains(t, err, "asking the API server what it serves: connection refused")
}
