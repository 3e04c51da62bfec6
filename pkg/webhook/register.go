package webhook

import (
	"context"
	"errors"
	"net/http"

	admissionv1 "k8s.io/api/admission/v1"
	corev1 "k8s.io/api/core/v1"
	ctrl "sigs.k8s.io/controller-runtime"
	"sigs.k8s.io/controller-runtime/pkg/log"
	"sigs.k8s.io/controller-runtime/pkg/webhook/admission"
)

// Paths that the webhooks are served at.
const (
	PodPath = "/mutate-pod"
	JobPath = "/mutate-job"
)

// Options are the settings of the webhooks.
type Options struct {
	SidecarImage    string            // holds /shim and /sidecar; required
	ImagePullPolicy corev1.PullPolicy // of that image; empty: Kubernetes decides
}

// Register serves the webhooks with the manager's webhook server. The manager's scheme must know OrasCaches.
func Register(mgr ctrl.Manager, opts Options) error {
	if opts.SidecarImage == "" {
		return errors.New("registering the webhooks: the sidecar's image is not set")
	}
	m := Mutator{
		SidecarImage:    opts.SidecarImage,
		ImagePullPolicy: opts.ImagePullPolicy,
		FindCache:       finder{cached: mgr.GetClient(), live: mgr.GetAPIReader()}.find,
	}
	server := mgr.GetWebhookServer()
	server.Register(PodPath, &admission.Webhook{Handler: admission.HandlerFunc(m.handlePod)})
	server.Register(JobPath, &admission.Webhook{Handler: admission.HandlerFunc(m.handleJob)})
	return nil
}

func (m Mutator) handlePod(ctx context.Context, req admission.Request) admission.Response {
	if req.Operation != admissionv1.Create {
		return admission.Allowed("")
	}
	object, warnings, err := m.Pod(ctx, req.Object.Raw, req.Namespace)
	return answer(ctx, "this pod", req.Object.Raw, object, warnings, err)
}

func (m Mutator) handleJob(ctx context.Context, req admission.Request) admission.Response {
	switch req.Operation {
	case admissionv1.Create:
		object, warnings, err := m.Job(ctx, req.Object.Raw, req.Namespace)
		return answer(ctx, "this Job", req.Object.Raw, object, warnings, err)
	case admissionv1.Update:
		object, err := UpdatedJob(req.Object.Raw, req.OldObject.Raw)
		return answer(ctx, "this Job", req.Object.Raw, object, nil, err)
	default:
		return admission.Allowed("")
	}
}

// answer is the response to an object that is to become another, or that err keeps from becoming one.
func answer(ctx context.Context, what string, raw, object []byte, warnings []string, err error) admission.Response {
	logger := log.FromContext(ctx)
	switch {
	case errors.Is(err, ErrRefused):
		logger.Info("Denied what cannot be a step.", "reason", err.Error())
		return admission.Denied(what + " " + err.Error()).WithWarnings(warnings...)
	case errors.Is(err, ErrMalformed):
		return admission.Errored(http.StatusBadRequest, err)
	case err != nil:
		logger.Error(err, "Could not decide on an object.")
		return admission.Errored(http.StatusInternalServerError, err)
	}
	return admission.PatchResponseFromRaw(raw, object).WithWarnings(warnings...)
}
