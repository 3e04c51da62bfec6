package sidecar

import (
	"errors"
	"net/http"

	"oras.land/oras-go/v2/registry/remote/auth"
	"oras.land/oras-go/v2/registry/remote/errcode"

	"github.com/converged-computing/oras-operator/pkg/handoff"
)

// remedy goes on with a sentence about a registry that has not let the step in, where the registry itself has given no reason;
// empty for any other error.
func remedy(step handoff.Step, err error) string {
	if errors.Is(err, auth.ErrBasicCredentialNotFound) {
		return ": the registry wants to know who asks, and the step names nobody; name a Secret with the key credentials, or, if its OrasCache has come to take tokens of ServiceAccounts since, create it anew"
	}
	answer, ok := errors.AsType[*errcode.ErrorResponse](err)
	switch {
	case !ok || len(answer.Errors) > 0:
		return ""
	case answer.StatusCode == http.StatusUnauthorized && step.TokenFile != "":
		return ": the registry does not take the token of the pod's ServiceAccount; if its OrasCache has come to let others in (spec.auth), create the step anew"
	case answer.StatusCode == http.StatusUnauthorized:
		return ": the registry does not take the user and password of the step's Secret"
	case answer.StatusCode == http.StatusForbidden && step.TokenFile != "":
		return ": the pod's ServiceAccount lacks the right; give it the verb that the OrasCache wants for this, pull or push, by a RoleBinding"
	case answer.StatusCode == http.StatusForbidden:
		return ": the registry does not allow it to whom the step names"
	}
	return ""
}
