package main

import (
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"path/filepath"
	"slices"
	"time"

	admissionv1 "k8s.io/api/admission/v1"
	corev1 "k8s.io/api/core/v1"
)

// meddle serves an admission webhook at port 8443, with tls.crt and tls.key of dir, that does to the init containers of steps
// what other people's webhooks have been seen to do: strip, or reverse.
func meddle(dir, how string) error {
	change, ok := map[string]func([]corev1.Container){
		"strip": func(containers []corev1.Container) {
			for i := range containers {
				containers[i].RestartPolicy = nil
			}
		},
		"reverse": slices.Reverse[[]corev1.Container],
	}[how]
	if !ok {
		return fmt.Errorf("there is no way to meddle that is called %q", how)
	}
	server := &http.Server{
		Addr:              ":8443",
		ReadHeaderTimeout: 10 * time.Second,
		Handler: http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			if err := answer(w, r.Body, change); err != nil {
				http.Error(w, err.Error(), http.StatusBadRequest)
			}
		}),
	}
	return server.ListenAndServeTLS(filepath.Join(dir, "tls.crt"), filepath.Join(dir, "tls.key"))
}

func answer(w io.Writer, body io.Reader, change func([]corev1.Container)) error {
	var review admissionv1.AdmissionReview
	var pod corev1.Pod
	if err := json.NewDecoder(body).Decode(&review); err != nil {
		return err
	}
	if err := json.Unmarshal(review.Request.Object.Raw, &pod); err != nil {
		return err
	}
	review.Response = &admissionv1.AdmissionResponse{UID: review.Request.UID, Allowed: true}
	if containers := pod.Spec.InitContainers; len(containers) > 0 {
		change(containers)
		patch, err := json.Marshal([]any{map[string]any{"op": "replace", "path": "/spec/initContainers", "value": containers}})
		if err != nil {
			return err
		}
		kind := admissionv1.PatchTypeJSONPatch
		review.Response.Patch, review.Response.PatchType = patch, &kind
	}
	return json.NewEncoder(w).Encode(review)
}
