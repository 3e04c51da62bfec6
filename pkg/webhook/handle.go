package webhook

import (
	"context"

	admissionv1 "k8s.io/api/admission/v1"
	"sigs.k8s.io/controller-runtime/pkg/webhook/admission"
)

func (m Mutator) handlePod(ctx context.Context, req admission.Request) admission.Response {
	if req.Operation != admissionv1.Create {
		return admission.Allowed("")
	}
	object, warnings, err := m.Pod(ctx, req.Object.Raw, req.Namespace)
	return m.answer(ctx, podPath, "this pod", req.Object.Raw, object, warnings, err)
}

func (m Mutator) handleJob(ctx context.Context, req admission.Request) admission.Response {
	switch req.Operation {
	case admissionv1.Create:
		object, warnings, err := m.Job(ctx, req.Object.Raw, req.Namespace)
		return m.answer(ctx, jobPath, "this Job", req.Object.Raw, object, warnings, err)
	case admissionv1.Update:
		object, warnings, err := updatedJob(req.Object.Raw, req.OldObject.Raw)
		return m.answer(ctx, jobPath, "this Job", req.Object.Raw, object, warnings, err)
	default:
		return admission.Allowed("")
	}
}

func (m Mutator) handleStep(ctx context.Context, req admission.Request) admission.Response {
	err := CheckStep(req.Object.Raw)
	return m.answer(ctx, stepPath, "this pod", req.Object.Raw, req.Object.Raw, nil, err)
}

func (m Mutator) handleKeys(ctx context.Context, req admission.Request) admission.Response {
	warnings, err := changedKeys(req.Object.Raw, req.OldObject.Raw)
	return m.answer(ctx, keysPath, "this Job", req.Object.Raw, req.Object.Raw, warnings, err)
}

func (m Mutator) handleTemplates(ctx context.Context, req admission.Request) admission.Response {
	warnings, err := m.checkTemplates(ctx, req.Object.Raw, req.Namespace)
	return m.answer(ctx, templatePath, "this "+req.Kind.Kind, req.Object.Raw, req.Object.Raw, warnings, err)
}
