package controller

import (
	"context"
	"crypto/rand"
	"fmt"
	"slices"

	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/equality"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	ctrl "sigs.k8s.io/controller-runtime"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/converged-computing/oras-operator/pkg/apis/v1alpha1"
)

// Reconciler makes the cluster what each OrasCache asks for.
type Reconciler struct {
	client        client.Client // without a cache
	operatorImage string
}

// Reconcile looks after one OrasCache and writes its status, once and only if it changed.
func (r *Reconciler) Reconcile(ctx context.Context, req ctrl.Request) (ctrl.Result, error) {
	cache := &v1alpha1.OrasCache{}
	if err := r.client.Get(ctx, req.NamespacedName, cache); err != nil {
		return ctrl.Result{}, client.IgnoreNotFound(err)
	}
	if cache.DeletionTimestamp != nil {
		return ctrl.Result{}, nil // all that is ours goes with its owner
	}
	before := cache.DeepCopy()
	seen, doErr := r.bringAbout(ctx, cache)
	found := judge(cache, seen, doErr)
	setStatus(cache, found)
	if !equality.Semantic.DeepEqual(before.Status, cache.Status) {
		ctrl.LoggerFrom(ctx).Info("The state of an OrasCache changed.", "reason", found.reason, "message", found.message)
		if err := r.client.Status().Patch(ctx, cache, client.MergeFrom(before)); client.IgnoreNotFound(err) != nil {
			return ctrl.Result{}, fmt.Errorf("writing the status of OrasCache %s: %w", req, err)
		}
	}
	if found.reason == v1alpha1.ReasonRetrying {
		return ctrl.Result{}, doErr
	}
	return ctrl.Result{RequeueAfter: found.lookAgain}, nil
}

// bringAbout makes the cluster what the spec says and returns what is there then.
func (r *Reconciler) bringAbout(ctx context.Context, cache *v1alpha1.OrasCache) (observation, error) {
	if err := r.applyClaim(ctx, cache); err != nil {
		return observation{}, err
	}
	if !cache.IsDeployed() {
		return observation{}, r.tearDown(ctx, cache)
	}
	if err := r.applySecret(ctx, cache); err != nil {
		return observation{}, err
	}
	wanted := []applyConfiguration{podService(cache), statefulSet(cache, r.operatorImage)}
	if makesService(cache) {
		wanted = append(wanted, service(cache))
	}
	for _, want := range wanted {
		if err := r.apply(ctx, cache, want); err != nil {
			return observation{}, err
		}
	}
	if err := r.removeServices(ctx, cache, wanted); err != nil {
		return observation{}, err
	}
	return r.observe(ctx, cache)
}

// applyClaim makes the claim where the registry needs one. One that is there is kept up with the spec whether or not it is
// in use, since it may hold data that the spec asks to keep.
func (r *Reconciler) applyClaim(ctx context.Context, cache *v1alpha1.OrasCache) error {
	if !cache.IsDeployed() || cache.Spec.Storage.Ephemeral {
		_, owner, err := r.lookUp(ctx, cache, corev1.SchemeGroupVersion.WithKind("PersistentVolumeClaim"), claimName(cache))
		if err != nil || owner != ours {
			return err
		}
	}
	return r.apply(ctx, cache, claim(cache))
}

// applySecret makes the Secret of the registry, with a new secret in it if it has none.
func (r *Reconciler) applySecret(ctx context.Context, cache *v1alpha1.OrasCache) error {
	name := secretName(cache)
	there := &corev1.Secret{}
	err := r.client.Get(ctx, client.ObjectKey{Namespace: cache.Namespace, Name: name}, there)
	if client.IgnoreNotFound(err) != nil {
		return fmt.Errorf("reading Secret %s: %w", name, err)
	}
	value := there.Data[secretKey]
	if len(value) == 0 {
		value = []byte(rand.Text())
	}
	return r.apply(ctx, cache, secret(cache, value))
}

// tearDown deletes the workload and the Services, and leaves the claim and the Secret for when they are wanted again.
func (r *Reconciler) tearDown(ctx context.Context, cache *v1alpha1.OrasCache) error {
	if err := r.remove(ctx, cache, appsv1.SchemeGroupVersion.WithKind("StatefulSet"), cache.Name); err != nil {
		return err
	}
	return r.removeServices(ctx, cache, nil)
}

// removeServices deletes the cache's Services but for those that are wanted: the spec may have named another before.
func (r *Reconciler) removeServices(ctx context.Context, cache *v1alpha1.OrasCache, wanted []applyConfiguration) error {
	var there corev1.ServiceList
	if err := r.client.List(ctx, &there, client.InNamespace(cache.Namespace), client.MatchingLabels(labelsOf(cache))); err != nil {
		return fmt.Errorf("listing the Services of the registry: %w", err)
	}
	kind := corev1.SchemeGroupVersion.WithKind("Service")
	for _, service := range there.Items {
		kept := slices.ContainsFunc(wanted, func(want applyConfiguration) bool {
			return *want.GetKind() == kind.Kind && *want.GetName() == service.Name
		})
		if kept {
			continue
		}
		if err := r.remove(ctx, cache, kind, service.Name); err != nil {
			return err
		}
	}
	return nil
}

// observe reads what says how the registry is doing.
func (r *Reconciler) observe(ctx context.Context, cache *v1alpha1.OrasCache) (observation, error) {
	set := &appsv1.StatefulSet{}
	if err := r.client.Get(ctx, client.ObjectKeyFromObject(cache), set); err != nil {
		return observation{}, fmt.Errorf("reading StatefulSet %s: %w", cache.Name, err)
	}
	if cache.Spec.Storage.Ephemeral {
		return observation{set: set}, nil
	}
	pvc := &corev1.PersistentVolumeClaim{
		ObjectMeta: metav1.ObjectMeta{Namespace: cache.Namespace, Name: claimName(cache)},
	}
	if err := r.client.Get(ctx, client.ObjectKeyFromObject(pvc), pvc); err != nil {
		return observation{}, fmt.Errorf("reading PersistentVolumeClaim %s: %w", pvc.Name, err)
	}
	return observation{set: set, claim: pvc}, nil
}

// isRejection tells whether the API server understood a request and does not allow it: asking again helps only once
// something else has changed.
func isRejection(err error) bool {
	return apierrors.IsInvalid(err) || apierrors.IsForbidden(err) || apierrors.IsBadRequest(err)
}
