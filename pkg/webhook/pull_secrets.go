package webhook

import (
	"fmt"

	"k8s.io/client-go/rest"
	ctrl "sigs.k8s.io/controller-runtime"
	"sigs.k8s.io/controller-runtime/pkg/client"
)

// The operator itself may read any Secret whose name it knows, since those of its registries are in every namespace. It reads
// imagePullSecrets as a user who may read none, but in the namespaces that bind this ClusterRole to that user: there the API
// server, and not a check of the operator's own, holds it to what was allowed.
const (
	PullSecretsUser = "oras-operator:pull-secrets"
	PullSecretsRole = "oras-operator-pull-secrets"
)

// pullSecretsReader reads the cluster of mgr as [PullSecretsUser], without a cache.
func pullSecretsReader(mgr ctrl.Manager) (client.Reader, error) {
	user := rest.CopyConfig(mgr.GetConfig())
	user.Impersonate = rest.ImpersonationConfig{UserName: PullSecretsUser}
	reader, err := client.New(user, client.Options{Scheme: mgr.GetScheme(), Mapper: mgr.GetRESTMapper()})
	if err != nil {
		return nil, fmt.Errorf("connecting to the cluster as user %s: %w", PullSecretsUser, err)
	}
	return reader, nil
}

// unreadable says how to let the operator read a Secret of a namespace.
func unreadable(namespace, secret string) string {
	return fmt.Sprintf("the operator may not read Secret %q, which the image is pulled with; to let it, run kubectl create rolebinding %s --clusterrole=%s --user=%s --namespace=%s",
		secret, PullSecretsRole, PullSecretsRole, PullSecretsUser, namespace)
}
