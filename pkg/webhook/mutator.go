package webhook

import (
	"context"
	"errors"

	"github.com/prometheus/client_golang/prometheus"
	corev1 "k8s.io/api/core/v1"

	"github.com/converged-computing/oras-operator/pkg/apis/v1alpha1"
	"github.com/converged-computing/oras-operator/pkg/inject"
	"github.com/converged-computing/oras-operator/pkg/plan"
)

// ErrMalformed is the error of an object that is not what its kind says.
var ErrMalformed = errors.New("malformed object")

// Mutator makes steps of objects in JSON. Fields that it does not know, of newer versions of Kubernetes, are kept.
type Mutator struct {
	SidecarImage  string // holds /shim and /sidecar
	FindCache     FindCache
	FindCommand   FindCommand // nil: images are not looked up
	CheckNodes    CheckNodes  // nil: any node will do
	FindBounds    FindBounds  // nil: no namespace has any
	AssignedUsers bool        // the cluster assigns users to pods that name none, and may refuse others

	Explain func(inject.Choice) // is told of every decision; nil: nobody is

	decisions *prometheus.CounterVec // nil: nothing is counted

	later bool // pods come later: an OrasCache need not be there yet
}

// step makes a step of a pod that has keys and is none yet. Several says that it is one of several alike.
func (m Mutator) step(ctx context.Context, pod corev1.PodTemplateSpec, namespace string, several bool) (corev1.PodTemplateSpec, []string, error) {
	if !metadata(pod.ObjectMeta).Marked() || isMirror(pod.ObjectMeta) {
		return pod, nil, nil
	}
	if inject.Injected(pod.Spec) {
		return pod, m.outdated(ctx, pod, namespace), nil
	}
	p, warnings, err := plan.Parse(metadata(pod.ObjectMeta))
	if err != nil {
		return pod, warnings, refused(err)
	}
	endpoint, more, findErr := m.endpoint(ctx, p, namespace)
	warnings = append(warnings, more...)
	var missing *refusal
	if findErr != nil && !errors.As(findErr, &missing) {
		return pod, warnings, findErr
	}
	more, err = m.checkNodes(ctx, pod.Spec)
	warnings = append(warnings, more...)
	if err != nil {
		return pod, warnings, err
	}
	bounds, err := m.bounds(ctx, namespace)
	if err != nil {
		return pod, warnings, err
	}
	out, more, err := inject.Pod(pod, p, inject.Options{
		SidecarImage:  m.SidecarImage,
		Registry:      endpoint,
		Namespace:     namespace,
		Several:       several,
		AssignedUsers: m.AssignedUsers,
		Bounds:        bounds,
		Images:        m.images(ctx, pod, p, namespace),
		Explain:       m.Explain,
	})
	warnings = append(warnings, more...)
	if missing != nil {
		err = errors.Join(errors.Join(missing.reasons...), err)
	}
	return out, warnings, refused(err)
}

func (m Mutator) checkNodes(ctx context.Context, pod corev1.PodSpec) ([]string, error) {
	if m.CheckNodes == nil {
		return nil, nil
	}
	return m.CheckNodes(ctx, pod)
}

func (m Mutator) bounds(ctx context.Context, namespace string) (inject.Bounds, error) {
	if m.FindBounds == nil {
		return inject.Bounds{}, nil
	}
	return m.FindBounds(ctx, namespace)
}

func (m Mutator) endpoint(ctx context.Context, p plan.Plan, namespace string) (plan.Endpoint, []string, error) {
	if e, ok := p.Endpoint(); ok {
		return e, nil, nil
	}
	if m.later {
		return plan.Endpoint{Host: v1alpha1.Endpoint(namespace, p.Cache), PlainHTTP: true}, nil, nil
	}
	return m.FindCache(ctx, namespace, p.Cache)
}
