package webhook

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"net/http"
	"strings"

	admissionv1 "k8s.io/api/admission/v1"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/client-go/discovery"
	ctrl "sigs.k8s.io/controller-runtime"
	"sigs.k8s.io/controller-runtime/pkg/cache"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/log"
	"sigs.k8s.io/controller-runtime/pkg/metrics"
	"sigs.k8s.io/controller-runtime/pkg/webhook/admission"
)

// Paths that the webhooks are served at.
const (
	PodPath      = "/mutate-pod"
	JobPath      = "/mutate-job"
	StepPath     = "/validate-pod"
	TemplatePath = "/validate-template"
	KeysPath     = "/validate-keys"
)

// Hint may follow a path. The API server prints the path where a call fails: the only words in such a denial that are the
// operator's.
const Hint = "/is-deployment-oras-operator-ready"

// Options are the settings of the webhooks.
type Options struct {
	SidecarImage string      // holds /shim and /sidecar; required
	LookUpImages bool        // whether registries are asked what images run; if not, containers without a command are denied
	Server       Server      // the API server; required
	Ending       func() bool // whether this replica is about to stop, so that another is to be asked; nil: it never is
}

// Server tells what an API server is.
type Server interface {
	discovery.ServerVersionInterface
	discovery.ServerGroupsInterface
}

// Register serves the webhooks with the manager's webhook server. The manager's scheme must know OrasCaches. An API server that
// cannot run steps is an [ErrServerTooOld].
func Register(ctx context.Context, mgr ctrl.Manager, opts Options) error {
	if opts.SidecarImage == "" {
		return errors.New("registering the webhooks: the sidecar's image is not set")
	}
	if err := CheckServer(opts.Server); err != nil {
		return err
	}
	if err := warmUp(ctx, mgr); err != nil {
		return err
	}
	decisions, err := newDecisions(metrics.Registry)
	if err != nil {
		return err
	}
	known := nodes{cached: mgr.GetClient()}
	findCommand, err := findCommandFor(mgr, opts, known)
	if err != nil {
		return err
	}
	assigned, err := AssignsUsers(opts.Server)
	if err != nil {
		return err
	}
	m := Mutator{
		SidecarImage:  opts.SidecarImage,
		FindCache:     finder{cached: mgr.GetClient(), live: mgr.GetAPIReader()}.find,
		FindCommand:   findCommand,
		CheckNodes:    known.check,
		FindBounds:    bounds{cached: mgr.GetClient()}.of,
		AssignedUsers: assigned,
		decisions:     decisions,
	}
	server := mgr.GetWebhookServer()
	for path, handle := range map[string]admission.HandlerFunc{
		PodPath: m.handlePod, JobPath: m.handleJob, StepPath: m.handleStep, TemplatePath: m.handleTemplates, KeysPath: m.handleKeys,
	} {
		server.Register(path, parting(opts.Ending, &admission.Webhook{Handler: handle}))
		server.Register(path+Hint, parting(opts.Ending, &admission.Webhook{Handler: handle}))
	}
	return nil
}

// Watched limits what a manager caches of nodes to what is asked about them.
func Watched() map[client.Object]cache.ByObject {
	return map[client.Object]cache.ByObject{&corev1.Node{}: {Transform: slimNode}}
}

func (m Mutator) handlePod(ctx context.Context, req admission.Request) admission.Response {
	if req.Operation != admissionv1.Create {
		return admission.Allowed("")
	}
	object, warnings, err := m.Pod(ctx, req.Object.Raw, req.Namespace)
	return m.answer(ctx, PodPath, "this pod", req.Object.Raw, object, warnings, err)
}

func (m Mutator) handleJob(ctx context.Context, req admission.Request) admission.Response {
	switch req.Operation {
	case admissionv1.Create:
		object, warnings, err := m.Job(ctx, req.Object.Raw, req.Namespace)
		return m.answer(ctx, JobPath, "this Job", req.Object.Raw, object, warnings, err)
	case admissionv1.Update:
		object, warnings, err := UpdatedJob(req.Object.Raw, req.OldObject.Raw)
		return m.answer(ctx, JobPath, "this Job", req.Object.Raw, object, warnings, err)
	default:
		return admission.Allowed("")
	}
}

func (m Mutator) handleStep(ctx context.Context, req admission.Request) admission.Response {
	err := CheckStep(req.Object.Raw)
	return m.answer(ctx, StepPath, "this pod", req.Object.Raw, req.Object.Raw, nil, err)
}

func (m Mutator) handleKeys(ctx context.Context, req admission.Request) admission.Response {
	warnings, err := ChangedKeys(req.Object.Raw, req.OldObject.Raw)
	return m.answer(ctx, KeysPath, "this Job", req.Object.Raw, req.Object.Raw, warnings, err)
}

func (m Mutator) handleTemplates(ctx context.Context, req admission.Request) admission.Response {
	warnings, err := m.CheckTemplates(ctx, req.Object.Raw, req.Namespace)
	return m.answer(ctx, TemplatePath, "this "+req.Kind.Kind, req.Object.Raw, req.Object.Raw, warnings, err)
}

// answer is the response to an object that is to become another, or that err keeps from becoming one. It is counted and,
// with the request's uid, logged.
func (m Mutator) answer(ctx context.Context, path, what string, raw, object []byte, warnings []string, err error) admission.Response {
	logger := log.FromContext(ctx).WithValues("owner", owner(raw))
	switch {
	case errors.Is(err, ErrRefused):
		m.count(path, decisionDenied, reasonOf(err))
		logger.Info("Denied what cannot be a step.", "reason", err.Error())
		return admission.Denied(what + " " + err.Error()).WithWarnings(warnings...)
	case errors.Is(err, ErrMalformed):
		m.count(path, decisionMalformed, "")
		logger.Info("Refused what is no object of its kind.", "reason", err.Error())
		return admission.Errored(http.StatusBadRequest, err)
	case err != nil:
		m.count(path, decisionFailed, "")
		logger.Error(err, "Could not decide on an object.")
		return admission.Errored(http.StatusInternalServerError, err)
	case bytes.Equal(raw, object):
		m.count(path, decisionUnchanged, "")
		logger.V(1).Info("Left an object as it is.")
	default:
		m.count(path, decisionInjected, "")
		logger.Info("Made a step of an object.", "warnings", len(warnings))
	}
	return admission.PatchResponseFromRaw(raw, object).WithWarnings(warnings...)
}

func (m Mutator) count(path, decision, reason string) {
	if m.decisions != nil {
		m.decisions.WithLabelValues(strings.TrimPrefix(path, "/"), decision, reason).Inc()
	}
}

// owner names the controller of an object in JSON, as Job/sweep; empty where it has none.
func owner(raw []byte) string {
	var object metav1.PartialObjectMetadata
	if err := json.Unmarshal(raw, &object); err != nil {
		return ""
	}
	if ref := metav1.GetControllerOf(&object); ref != nil {
		return ref.Kind + "/" + ref.Name
	}
	return ""
}
