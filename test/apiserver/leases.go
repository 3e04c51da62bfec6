package apiserver

import (
	"io"
	"net/http"
	"strconv"

	coordinationv1 "k8s.io/api/coordination/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/client-go/kubernetes/scheme"
)

const leasesPath = "/apis/coordination.k8s.io/v1/namespaces/{namespace}/leases"

// lease is one that was created. It is replaced only by whoever has read it last.
type lease struct {
	object *coordinationv1.Lease
	turns  int
}

// Turns is how often a Lease went to a holder who did not have it.
func (s *Server) Turns(namespace, name string) int {
	s.mu.Lock()
	defer s.mu.Unlock()
	if l := s.leases[namespace+"/"+name]; l != nil {
		return l.turns
	}
	return 0
}

func (s *Server) getLease(w http.ResponseWriter, req *http.Request) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if l := s.leases[leaseKey(req, req.PathValue("name"))]; l != nil {
		answer(w, http.StatusOK, "application/json", l.object)
		return
	}
	refuse(w, http.StatusNotFound, metav1.StatusReasonNotFound)
}

func (s *Server) createLease(w http.ResponseWriter, req *http.Request) {
	object, ok := readLease(w, req)
	if !ok {
		return
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	key := leaseKey(req, object.Name)
	if s.leases[key] != nil {
		refuse(w, http.StatusConflict, metav1.StatusReasonAlreadyExists)
		return
	}
	object.ResourceVersion = "1"
	s.leases[key] = &lease{object: object, turns: 1}
	answer(w, http.StatusCreated, "application/json", object)
}

func (s *Server) updateLease(w http.ResponseWriter, req *http.Request) {
	object, ok := readLease(w, req)
	if !ok {
		return
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	l := s.leases[leaseKey(req, req.PathValue("name"))]
	switch {
	case l == nil:
		refuse(w, http.StatusNotFound, metav1.StatusReasonNotFound)
		return
	case object.ResourceVersion != l.object.ResourceVersion:
		refuse(w, http.StatusConflict, metav1.StatusReasonConflict)
		return
	case *object.Spec.HolderIdentity != *l.object.Spec.HolderIdentity:
		l.turns++
	}
	version, _ := strconv.Atoi(l.object.ResourceVersion) // it is a number of ours
	object.ResourceVersion = strconv.Itoa(version + 1)
	l.object = object
	answer(w, http.StatusOK, "application/json", object)
}

func leaseKey(req *http.Request, name string) string { return req.PathValue("namespace") + "/" + name }

// readLease reads the Lease that a request sends, in whichever encoding, and refuses one that cannot be read.
func readLease(w http.ResponseWriter, req *http.Request) (object *coordinationv1.Lease, ok bool) {
	object = &coordinationv1.Lease{}
	body, err := io.ReadAll(req.Body)
	if err == nil {
		_, _, err = scheme.Codecs.UniversalDeserializer().Decode(body, nil, object)
	}
	if err != nil || object.Spec.HolderIdentity == nil {
		refuse(w, http.StatusBadRequest, metav1.StatusReasonBadRequest)
		return nil, false
	}
	object.TypeMeta = metav1.TypeMeta{APIVersion: "coordination.k8s.io/v1", Kind: "Lease"}
	return object, true
}

func refuse(w http.ResponseWriter, status int, reason metav1.StatusReason) {
	answer(w, status, "application/json", metav1.Status{
		TypeMeta: metav1.TypeMeta{APIVersion: "v1", Kind: "Status"}, Status: metav1.StatusFailure, Reason: reason, Code: int32(status),
	})
}
