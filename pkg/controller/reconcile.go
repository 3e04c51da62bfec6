package controller

import (
	"cmp"
	"context"
	"fmt"
	"slices"

	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/equality"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime/schema"
	ctrl "sigs.k8s.io/controller-runtime"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/converged-computing/oras-operator/pkg/apis/v1alpha1"
)

// Reconciler makes the cluster what each OrasCache asks for.
type Reconciler struct {
	client            client.Client // without a cache
	operatorImage     string
	operatorVersion   string
	operatorNamespace string // empty: not in the cluster
	issuer            Issuer // nil: no certificates are issued
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
	setStatus(cache, found, r.operatorVersion)
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

// bringAbout makes the cluster what the spec says and returns what is there then. A certificate, which ends by itself, comes
// before all that may be refused: what runs goes on with it.
func (r *Reconciler) bringAbout(ctx context.Context, cache *v1alpha1.OrasCache) (observation, error) {
	claimErr := r.applyClaim(ctx, cache)
	if !cache.IsDeployed() {
		if claimErr != nil {
			return observation{}, claimErr
		}
		return observation{}, r.removeUnwanted(ctx, cache, nil)
	}
	certificate, expired, err := r.certify(ctx, cache)
	if err := cmp.Or(claimErr, err); err != nil {
		return observation{}, err
	}
	complaint, err := r.prepare(ctx, cache)
	if err != nil {
		return observation{}, err
	}
	wanted, err := r.wanted(ctx, cache, certificate)
	if err != nil {
		return observation{}, err
	}
	for _, want := range wanted {
		if err := r.apply(ctx, cache, want); err != nil {
			return observation{}, err
		}
	}
	if cache.UsesTLS() {
		wanted = append(wanted, authorities(cache, certificate))
	}
	if err := r.removeUnwanted(ctx, cache, wanted); err != nil {
		return observation{}, err
	}
	seen, err := r.observe(ctx, cache)
	seen.lookAgain = lookAgain(cache, certificate[tlsCertKey])
	seen.complaint = cmp.Or(expired, complaint)
	return seen, err
}

// prepare refuses what cannot be, and makes the Secrets of the registry. The complaint is about what it goes on without.
func (r *Reconciler) prepare(ctx context.Context, cache *v1alpha1.OrasCache) (complaint *settingError, err error) {
	if err := checkForeign(cache); err != nil {
		return nil, err
	}
	if err := checkSchedule(cache); err != nil {
		return nil, err
	}
	if err := r.checkMove(ctx, cache); err != nil {
		return nil, err
	}
	if err := r.applySecret(ctx, cache); err != nil {
		return nil, err
	}
	return r.applyUsers(ctx, cache)
}

// wanted are the objects of a registry that is deployed, but for its claim, its Secrets and what goes with its certificate, in the order
// in which to apply them: what pods are started with comes before them.
func (r *Reconciler) wanted(ctx context.Context, cache *v1alpha1.OrasCache, certificate map[string][]byte) ([]applyConfiguration, error) {
	credentials, err := r.credentials(ctx, cache)
	if err != nil {
		return nil, err
	}
	all := append(rights(cache), guards(cache, r.operatorNamespace)...)
	digest := digestOf(credentials, string(certificate[tlsCertKey]))
	if !isForeign(cache) {
		file, err := settingsOf(cache).encode()
		if err != nil {
			return nil, err
		}
		digest = digestOf(credentials, file)
		all = append(all, configMap(cache, registryName(cache), map[string]string{settingsKey: file}))
	}
	all = append(all, podService(cache), statefulSet(cache, r.operatorImage, digest))
	if makesService(cache) {
		all = append(all, service(cache))
	}
	return all, nil
}

// credentials are those of the bucket, if the spec names any. Registries read them when they start.
func (r *Reconciler) credentials(ctx context.Context, cache *v1alpha1.OrasCache) (string, error) {
	s3 := cache.Spec.Storage.S3
	if s3 == nil || s3.SecretName == "" {
		return "", nil
	}
	given, err := r.given(ctx, cache, "spec.storage.s3.secretName", s3.SecretName, accessKeyID, secretAccessKey)
	return string(given[accessKeyID]) + "\n" + string(given[secretAccessKey]), err
}

// removeUnwanted deletes what an earlier spec wanted. The claim and the Secrets stay for when they are wanted again.
func (r *Reconciler) removeUnwanted(ctx context.Context, cache *v1alpha1.OrasCache, wanted []applyConfiguration) error {
	for _, may := range []applyConfiguration{
		statefulSet(cache, "", ""),
		configMap(cache, registryName(cache), nil), configMap(cache, authoritiesName(cache), nil),
		registryBinding(cache), registryRole(cache), clientsBinding(cache), clientsRole(cache),
		networkPolicy(cache, ""), disruptionBudget(cache),
	} {
		if isAmong(wanted, *may.GetKind(), *may.GetName()) {
			continue
		}
		gvk := schema.FromAPIVersionAndKind(*may.GetAPIVersion(), *may.GetKind())
		if err := r.remove(ctx, cache, gvk, *may.GetName()); err != nil {
			return err
		}
	}
	return r.removeServices(ctx, cache, wanted)
}

// isAmong tells whether an object of that kind and name is wanted.
func isAmong(wanted []applyConfiguration, kind, name string) bool {
	return slices.ContainsFunc(wanted, func(want applyConfiguration) bool {
		return *want.GetKind() == kind && *want.GetName() == name
	})
}

// removeServices deletes the cache's Services but for those that are wanted: the spec may have named another before.
func (r *Reconciler) removeServices(ctx context.Context, cache *v1alpha1.OrasCache, wanted []applyConfiguration) error {
	var there corev1.ServiceList
	if err := r.client.List(ctx, &there, client.InNamespace(cache.Namespace), client.MatchingLabels(labelsOf(cache))); err != nil {
		return fmt.Errorf("listing the Services of the registry: %w", err)
	}
	kind := corev1.SchemeGroupVersion.WithKind("Service")
	for _, service := range there.Items {
		if isAmong(wanted, kind.Kind, service.Name) {
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
	if storageOf(cache) != inClaim {
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
