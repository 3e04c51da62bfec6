package controller

import (
	"cmp"
	"errors"
	"fmt"
	"time"

	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/utils/ptr"

	"github.com/converged-computing/oras-operator/pkg/apis/v1alpha1"
)

const (
	// lookAgainForeign is how often a name that is taken, an object that was refused, or a Secret that is missing is tried again: no
	// event tells when a foreign object goes or comes, or a quota grows.
	lookAgainForeign = 30 * time.Second
	// lookAgainLeaving is the same where the end of it is in sight.
	lookAgainLeaving = 2 * time.Second
)

// observation is what the cluster holds for an OrasCache that is deployed.
type observation struct {
	set   *appsv1.StatefulSet
	claim *corev1.PersistentVolumeClaim // nil if the storage is none
	// lookAgain is when to look again at what no event tells of; 0 is never.
	lookAgain time.Duration
	// complaint is about what the registry goes on without, as it was before; nil if there is nothing.
	complaint *settingError
}

// finding is what the Ready condition is to say, and when to look again if no event may come; 0 is never.
type finding struct {
	ready           metav1.ConditionStatus
	reason, message string
	lookAgain       time.Duration
}

// judge decides on the Ready condition from what was seen and from what went wrong on the way.
func judge(cache *v1alpha1.OrasCache, seen observation, err error) finding {
	switch {
	case err != nil:
		return judgeError(err)
	case !cache.IsDeployed():
		return finding{
			ready:   metav1.ConditionTrue,
			reason:  v1alpha1.ReasonNotDeployed,
			message: "spec.deploy is false: no registry runs.",
		}
	case seen.complaint != nil:
		return judgeError(seen.complaint)
	case isServing(seen.set):
		return finding{
			ready:     metav1.ConditionTrue,
			reason:    v1alpha1.ReasonServing,
			message:   servingMessage(cache, seen.set),
			lookAgain: seen.lookAgain,
		}
	case seen.claim != nil && seen.claim.Status.Phase != corev1.ClaimBound:
		return finding{
			ready:  metav1.ConditionFalse,
			reason: v1alpha1.ReasonStoragePending,
			message: fmt.Sprintf("PersistentVolumeClaim %s is not bound: see kubectl describe pvc %s, or set spec.storage.storageClassName.",
				seen.claim.Name, seen.claim.Name),
			lookAgain: seen.lookAgain,
		}
	default:
		return finding{
			ready:     metav1.ConditionFalse,
			reason:    v1alpha1.ReasonStarting,
			message:   startingMessage(cache, seen.set),
			lookAgain: seen.lookAgain,
		}
	}
}

// servingMessage says where the registry serves and, if some replicas do not, how many do.
func servingMessage(cache *v1alpha1.OrasCache, set *appsv1.StatefulSet) string {
	message := fmt.Sprintf("The registry serves at %s.", cache.Endpoint())
	if ready, all := set.Status.ReadyReplicas, replicasOf(cache); ready < all {
		message += fmt.Sprintf(" %d of %d replicas are ready.", ready, all)
	}
	return message
}

// startingMessage says what is waited for.
func startingMessage(cache *v1alpha1.OrasCache, set *appsv1.StatefulSet) string {
	if all := replicasOf(cache); all > 1 {
		return fmt.Sprintf("%d of %d replicas are ready and %d have this spec.", set.Status.ReadyReplicas, all, set.Status.UpdatedReplicas)
	}
	return fmt.Sprintf("Pod %s-0 is not ready with this spec yet.", cache.Name)
}

// judgeError decides on the Ready condition from what went wrong.
func judgeError(err error) finding {
	var taken *nameTakenError
	var setting *settingError
	switch {
	case errors.As(err, &setting):
		return finding{metav1.ConditionFalse, setting.reason, setting.text, lookAgainForeign}
	case errors.As(err, &taken) && taken.leaving:
		return finding{metav1.ConditionFalse, v1alpha1.ReasonNameTaken, err.Error(), lookAgainLeaving}
	case errors.As(err, &taken):
		return finding{metav1.ConditionFalse, v1alpha1.ReasonNameTaken, err.Error(), lookAgainForeign}
	case isRejection(err):
		return finding{metav1.ConditionFalse, v1alpha1.ReasonRejected, err.Error(), lookAgainForeign}
	default:
		return finding{ready: metav1.ConditionUnknown, reason: v1alpha1.ReasonRetrying, message: err.Error()}
	}
}

// isServing tells whether a pod of set is ready and all of them are of the newest revision.
func isServing(set *appsv1.StatefulSet) bool {
	return set.Status.ObservedGeneration >= set.Generation &&
		set.Status.ReadyReplicas > 0 &&
		set.Status.UpdatedReplicas >= ptr.Deref(set.Spec.Replicas, 1) &&
		set.Status.CurrentRevision == set.Status.UpdateRevision
}

// setStatus writes a finding into the status of cache. version is that of the operator.
func setStatus(cache *v1alpha1.OrasCache, found finding, version string) {
	status := &cache.Status
	status.ObservedGeneration = cache.Generation
	status.Endpoint = ""
	// Where the name is taken, something else may answer there.
	if cache.IsDeployed() && found.reason != v1alpha1.ReasonNameTaken {
		status.Endpoint = cache.Endpoint()
	}
	switch found.reason {
	case v1alpha1.ReasonServing:
		status.RegistryVersion = cmp.Or(cache.Spec.Image, version)
	case v1alpha1.ReasonNotDeployed:
		status.RegistryVersion = ""
	}
	if !isMeasured(cache) {
		status.Artifacts, status.Size = nil, nil
	}
	meta.SetStatusCondition(&status.Conditions, metav1.Condition{
		Type:               v1alpha1.ConditionReady,
		Status:             found.ready,
		Reason:             found.reason,
		Message:            found.message,
		ObservedGeneration: cache.Generation,
	})
	if condition := supported(cache); condition != nil {
		meta.SetStatusCondition(&status.Conditions, *condition)
	} else {
		meta.RemoveStatusCondition(&status.Conditions, v1alpha1.ConditionSupported)
	}
}
