package apiserver

import (
	"encoding/json"
	"net/http"
	"slices"

	authorizationv1 "k8s.io/api/authorization/v1"

	"github.com/converged-computing/oras-operator/pkg/registry/access"
)

// review answers whether a user may do something.
func (s *Server) review(w http.ResponseWriter, req *http.Request) {
	var review authorizationv1.LocalSubjectAccessReview
	err := json.NewDecoder(req.Body).Decode(&review)
	if err != nil || review.Namespace != req.PathValue("namespace") || review.Spec.ResourceAttributes == nil {
		http.Error(w, "not a review of this namespace", http.StatusBadRequest)
		return
	}
	s.mu.Lock()
	s.reviews = append(s.reviews, review)
	hold := s.state.Hold
	review.Status.Allowed = slices.Contains(s.state.Rights[review.Spec.User], access.Right(review.Spec.ResourceAttributes.Verb))
	s.mu.Unlock()
	if hold != nil {
		<-hold
	}
	review.APIVersion, review.Kind = "authorization.k8s.io/v1", "LocalSubjectAccessReview"
	answer(w, http.StatusCreated, "application/json", review)
}
