package access

import (
	"fmt"
	"strings"

	authorizationv1 "k8s.io/api/authorization/v1"
	"k8s.io/apiserver/pkg/authentication/serviceaccount"
)

// forbidden says that a ServiceAccount lacks a right to an OrasCache, and the commands that give it.
func forbidden(of authorizationv1.ResourceAttributes, account string, right Right) string {
	subject := strings.TrimPrefix(account, serviceaccount.ServiceAccountUsernamePrefix) // NAMESPACE:NAME, as kubectl wants it
	role := of.Name + "-" + string(right)
	return fmt.Sprintf("%s may not %s orascaches/%s in the namespace %s; to allow it: "+
		"kubectl create role %s -n %s --verb=%s --resource=orascaches.%s --resource-name=%s; "+
		"kubectl create rolebinding %s -n %s --role=%s --serviceaccount=%s",
		account, right, of.Name, of.Namespace,
		role, of.Namespace, right, of.Group, of.Name,
		role, of.Namespace, role, subject)
}
