package access

import (
	"crypto/sha256"
	"encoding/json"

	authorizationv1 "k8s.io/api/authorization/v1"
	"k8s.io/apiserver/pkg/authentication/serviceaccount"
	tokenjwt "k8s.io/apiserver/pkg/authentication/token/jwt"
	authenticated "k8s.io/apiserver/pkg/authentication/user"
)

// account is a ServiceAccount as the API server sees it. It is empty for a user of a file.
type account struct {
	asked authorizationv1.LocalSubjectAccessReview // without what it may
	key   hash                                     // tells apart what RBAC may answer differently for
}

// user returns the user that the API server makes of these claims, which must have been checked.
func (c *claims) user() *user {
	k := c.Kubernetes
	account := serviceaccount.ServiceAccountInfo{
		Namespace: k.Namespace, Name: k.ServiceAccount.Name, UID: k.ServiceAccount.UID,
		PodName: k.Pod.Name, PodUID: k.Pod.UID,
		NodeName: k.Node.Name, NodeUID: k.Node.UID,
		CredentialID: tokenjwt.CredentialIDForJTI(c.ID),
	}
	info := account.UserInfo()
	spec := authorizationv1.SubjectAccessReviewSpec{
		User: info.GetName(), UID: info.GetUID(), Groups: append(info.GetGroups(), authenticated.AllAuthenticated),
	}
	for name, values := range info.GetExtra() {
		if spec.Extra == nil {
			spec.Extra = map[string]authorizationv1.ExtraValue{}
		}
		spec.Extra[name] = values
	}
	found := &user{name: spec.User}
	found.asked.Namespace = k.Namespace
	found.asked.Spec = spec
	text, _ := json.Marshal(spec) // strings, and maps and slices of them: cannot fail
	found.key = sha256.Sum256(text)
	return found
}
