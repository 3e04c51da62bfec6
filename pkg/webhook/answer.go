package webhook

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"log/slog"
	"net/http"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/controller-runtime/pkg/log"
	"sigs.k8s.io/controller-runtime/pkg/webhook/admission"
)

// answer is the response to an object that is to become another, or that err keeps from becoming one. It is counted and,
// with the request's uid, logged.
func (m Mutator) answer(ctx context.Context, path, what string, raw, object []byte, warnings []string, err error) admission.Response {
	logger := log.FromContext(ctx)
	switch {
	case errors.Is(err, ErrRefused):
		m.count(path, decisionDenied, reasonOf(err))
		logger.Info("Denied what cannot be a step.", "owner", owner(raw), "reason", err.Error())
		return admission.Denied(what + " " + err.Error()).WithWarnings(warnings...)
	case errors.Is(err, ErrMalformed):
		m.count(path, decisionMalformed, "")
		logger.Info("Refused what is no object of its kind.", "owner", owner(raw), "reason", err.Error())
		return admission.Errored(http.StatusBadRequest, err)
	case err != nil:
		m.count(path, decisionFailed, "")
		logger.Error(err, "Could not decide on an object.", "owner", owner(raw))
		return admission.Errored(http.StatusInternalServerError, err)
	case bytes.Equal(raw, object):
		m.count(path, decisionUnchanged, "")
		logger.V(1).Info("Left an object as it is.", "owner", owner(raw))
		return admission.Allowed("").WithWarnings(warnings...)
	}
	ops, err := difference(raw, object)
	if err != nil {
		return m.answer(ctx, path, what, raw, object, warnings, err)
	}
	m.count(path, decisionInjected, "")
	logger.Info("Made a step of an object.", "owner", owner(raw), "warnings", len(warnings))
	return admission.Patched("", ops...).WithWarnings(warnings...)
}

// owner is an object in JSON; logged, it is the object's controller, as Job/sweep, or empty where there is none.
type owner []byte

// LogValue decodes the object only for a line that is written; most are not.
func (o owner) LogValue() slog.Value {
	var object metav1.PartialObjectMetadata
	if err := json.Unmarshal(o, &object); err != nil {
		return slog.StringValue("")
	}
	if ref := metav1.GetControllerOf(&object); ref != nil {
		return slog.StringValue(ref.Kind + "/" + ref.Name)
	}
	return slog.StringValue("")
}
