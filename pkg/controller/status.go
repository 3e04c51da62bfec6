package controller

import (
	"errors"
	"fmt"
	"time"

	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/converged-computing/oras-operator/pkg/apis/v1alpha1"
)

const (
	// lookAgainForeign is how often a name that is taken, or an object that was refused, is tried again: no event tells
	// when a foreign object goes or a quota grows.
	lookAgainForeign = 30 * time.Second
	// lookAgainLeaving is the same where the end of it is in sight.
	lookAgainLeaving = 2 * time.Second
)

// observation is what the cluster holds for an OrasCache that is deployed.
type observation struct {
	set   *appsv1.StatefulSet
	claim *corev1.PersistentVolumeClaim // nil if the storage is ephemeral
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
	case isServing(seen.set):
		return finding{
			ready:   metav1.ConditionTrue,
			reason:  v1alpha1.ReasonServing,
			message: fmt.Sprintf("The registry serves at %s.", cache.Endpoint()),
		}
	case seen.claim != nil && seen.claim.Status.Phase != corev1.ClaimBound:
		return finding{
			ready:  metav1.ConditionFalse,
			reason: v1alpha1.ReasonStoragePending,
			message: fmt.Sprintf("PersistentVolumeClaim %s is not bound: see kubectl describe pvc %s, or set spec.storage.storageClassName.",
				seen.claim.Name, seen.claim.Name),
		}
	default:
		return finding{
			ready:   metav1.ConditionFalse,
			reason:  v1alpha1.ReasonStarting,
			message: fmt.Sprintf("Pod %s-0 is not ready with this spec yet.", cache.Name),
		}
	}
}

// judgeError decides on the Ready condition from what went wrong.
func judgeError(err error) finding {
	var taken *nameTakenError
	switch {
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

// isServing tells whether the one pod of set is ready and of the newest revision.
func isServing(set *appsv1.StatefulSet) bool {
	return set.Status.ObservedGeneration >= set.Generation &&
		set.Status.ReadyReplicas == 1 &&
		set.Status.UpdatedReplicas == 1 &&
		set.Status.CurrentRevision == set.Status.UpdateRevision
}

// setStatus writes a finding into the status of cache.
func setStatus(cache *v1alpha1.OrasCache, found finding) {
	cache.Status.ObservedGeneration = cache.Generation
	cache.Status.Endpoint = ""
	// Where the name is taken, something else may answer there.
	if cache.IsDeployed() && found.reason != v1alpha1.ReasonNameTaken {
		cache.Status.Endpoint = cache.Endpoint()
	}
	meta.SetStatusCondition(&cache.Status.Conditions, metav1.Condition{
		Type:               v1alpha1.ConditionReady,
		Status:             found.ready,
		Reason:             found.reason,
		Message:            found.message,
		ObservedGeneration: cache.Generation,
	})
}
