package controller

import (
	"cmp"
	"context"
	"errors"
	"fmt"

	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	networkingv1 "k8s.io/api/networking/v1"
	policyv1 "k8s.io/api/policy/v1"
	rbacv1 "k8s.io/api/rbac/v1"
	"k8s.io/apimachinery/pkg/labels"
	"k8s.io/apimachinery/pkg/types"
	ctrl "sigs.k8s.io/controller-runtime"
	"sigs.k8s.io/controller-runtime/pkg/builder"
	"sigs.k8s.io/controller-runtime/pkg/cache"
	"sigs.k8s.io/controller-runtime/pkg/client"
	crcontroller "sigs.k8s.io/controller-runtime/pkg/controller"
	"sigs.k8s.io/controller-runtime/pkg/handler"
	"sigs.k8s.io/controller-runtime/pkg/predicate"

	"github.com/converged-computing/oras-operator/pkg/apis/v1alpha1"
)

// Options are the settings of the controller.
type Options struct {
	// OperatorImage is the image that holds the built-in registry: the operator's own. Required.
	OperatorImage string
	// Version is that of the operator, and so of the built-in registry. Default: OperatorImage.
	Version string
	// Namespace is the operator's own, from which registries may be asked how full they are. Default: none, for an operator
	// outside of the cluster.
	Namespace string
	// Issuer gives registries their certificates. Default: none; then an OrasCache with TLS must name one.
	Issuer Issuer
}

// Register adds the OrasCache controller to mgr, whose scheme must know the types of v1alpha1 and whose cache should be
// limited as [Watched] says.
func Register(mgr ctrl.Manager, opts Options) error {
	if opts.OperatorImage == "" {
		return errors.New("adding the OrasCache controller: no operator image is given")
	}
	direct, err := client.New(mgr.GetConfig(), client.Options{
		HTTPClient: mgr.GetHTTPClient(),
		Scheme:     mgr.GetScheme(),
		Mapper:     mgr.GetRESTMapper(),
	})
	if err != nil {
		return fmt.Errorf("adding the OrasCache controller: %w", err)
	}
	watching := builder.ControllerManagedBy(mgr).
		Named("orascache").
		For(&v1alpha1.OrasCache{}, builder.WithPredicates(predicate.GenerationChangedPredicate{}))
	owner := handler.EnqueueRequestsFromMapFunc(ownerRequest)
	for obj := range Watched() {
		watching = watching.Watches(obj, owner)
	}
	err = watching.Complete(&Reconciler{
		client:            direct,
		operatorImage:     opts.OperatorImage,
		operatorVersion:   cmp.Or(opts.Version, opts.OperatorImage),
		operatorNamespace: opts.Namespace,
		issuer:            opts.Issuer,
	})
	if err != nil {
		return fmt.Errorf("adding the OrasCache controller: %w", err)
	}
	err = builder.ControllerManagedBy(mgr).
		Named("orascache-usage").
		For(&v1alpha1.OrasCache{}).
		WithOptions(crcontroller.Options{MaxConcurrentReconciles: 4}). // one that does not answer holds up no other
		Complete(newMeter(mgr.GetClient(), direct.Status()))
	if err != nil {
		return fmt.Errorf("adding the OrasCache controller: %w", err)
	}
	return nil
}

// Watched limits what a manager caches to what the operator has made, so that its memory does not grow with the cluster.
// An object that loses the operator's label is then reported as deleted, which is reason enough to look.
func Watched() map[client.Object]cache.ByObject {
	made := cache.ByObject{Label: labels.SelectorFromSet(labels.Set{labelManagedBy: managedBy})}
	return map[client.Object]cache.ByObject{
		&appsv1.StatefulSet{}:           made,
		&corev1.Service{}:               made,
		&corev1.PersistentVolumeClaim{}: made,
		&corev1.ConfigMap{}:             made,
		&corev1.ServiceAccount{}:        made,
		&rbacv1.Role{}:                  made,
		&rbacv1.RoleBinding{}:           made,
		&networkingv1.NetworkPolicy{}:   made,
		&policyv1.PodDisruptionBudget{}: made,
	}
}

// ownerRequest asks for a look at the OrasCache that an object was made for. It goes by the label, as a kept claim has no
// owner.
func ownerRequest(_ context.Context, obj client.Object) []ctrl.Request {
	name := obj.GetLabels()[LabelCache]
	if name == "" {
		return nil
	}
	return []ctrl.Request{{NamespacedName: types.NamespacedName{Namespace: obj.GetNamespace(), Name: name}}}
}
