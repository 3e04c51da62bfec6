package webhook

import (
	"errors"
	"fmt"
	"slices"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/util/version"
	"k8s.io/client-go/discovery"
)

// Server tells what an API server is.
type Server interface {
	discovery.ServerVersionInterface
	discovery.ServerGroupsInterface
}

// ErrServerTooOld is the error of an API server that drops what makes an init container a native sidecar.
var ErrServerTooOld = errors.New("native sidecars need Kubernetes 1.29 or newer")

// checkServer refuses an API server that is older than native sidecars: it would take them for init containers that never
// end. Its error is an [ErrServerTooOld], or that of asking.
func checkServer(server discovery.ServerVersionInterface) error {
	info, err := server.ServerVersion()
	if err != nil {
		return fmt.Errorf("asking the API server for its version: %w", err)
	}
	is, err := version.ParseGeneric(info.GitVersion)
	if err != nil {
		return fmt.Errorf("reading the API server's version: %w", err)
	}
	if is.LessThan(version.MustParseGeneric(minVersion)) {
		return fmt.Errorf("%w, and the API server is %s: upgrade the cluster", ErrServerTooOld, info.GitVersion)
	}
	return nil
}

// assignsUsers tells whether the cluster assigns users to pods that name none and, by default, refuses pods that name one:
// OpenShift does, by security context constraints.
func assignsUsers(server discovery.ServerGroupsInterface) (bool, error) {
	groups, err := server.ServerGroups()
	if err != nil {
		return false, fmt.Errorf("asking the API server what it serves: %w", err)
	}
	return slices.ContainsFunc(groups.Groups, func(g metav1.APIGroup) bool { return g.Name == "security.openshift.io" }), nil
}
