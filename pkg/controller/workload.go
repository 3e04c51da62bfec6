package controller

import (
	"time"

	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/resource"
	"k8s.io/apimachinery/pkg/util/intstr"
	applyapps "k8s.io/client-go/applyconfigurations/apps/v1"
	applycore "k8s.io/client-go/applyconfigurations/core/v1"
	applymeta "k8s.io/client-go/applyconfigurations/meta/v1"

	"github.com/converged-computing/oras-operator/pkg/apis/v1alpha1"
)

const (
	// registryUser is the user and group that a registry runs as: that of the operator's image.
	registryUser = 65532
	// stopSeconds is the time a registry has to end. It is above all that its own takes to drain.
	stopSeconds = int64((drainDelay+drainTimeout)/time.Second) + 10
)

// statefulSet returns the workload of the registry: pods <name>-0 and on, run from the image of the spec or else operatorImage.
// settings is a digest of what they read only when they start.
//
// Pods are managed in parallel, so that a pod that never gets ready does not stand in the way of the spec that mends it.
func statefulSet(cache *v1alpha1.OrasCache, operatorImage, settings string) *applyapps.StatefulSetApplyConfiguration {
	return applyapps.StatefulSet(cache.Name, cache.Namespace).
		WithLabels(labelsOf(cache)).
		WithOwnerReferences(ownerOf(cache)).
		WithSpec(applyapps.StatefulSetSpec().
			WithReplicas(replicasOf(cache)).
			WithServiceName(podServiceName(cache)).
			WithPodManagementPolicy(appsv1.ParallelPodManagement).
			WithSelector(applymeta.LabelSelector().WithMatchLabels(selectorOf(cache))).
			WithTemplate(applycore.PodTemplateSpec().
				WithLabels(labelsOf(cache)).
				WithAnnotations(map[string]string{annotationSettings: settings}).
				WithSpec(podSpec(cache, operatorImage))))
}

// podSpec returns the registry's pod. It passes Pod Security "restricted", holds a token of the cluster only if it has something to
// ask there, and is told of no Service: a Service named "registry" would come as REGISTRY_ variables, which registries take
// for configuration.
func podSpec(cache *v1alpha1.OrasCache, operatorImage string) *applycore.PodSpecApplyConfiguration {
	c := container(cache, operatorImage)
	spec := applycore.PodSpec().
		WithServiceAccountName(accountOf(cache)).
		WithAutomountServiceAccountToken(asksCluster(cache)).
		WithEnableServiceLinks(false).
		WithTerminationGracePeriodSeconds(stopSeconds).
		WithSecurityContext(applycore.PodSecurityContext().
			WithRunAsNonRoot(true).
			WithRunAsUser(registryUser).
			WithRunAsGroup(registryUser).
			WithFSGroup(registryUser).
			WithFSGroupChangePolicy(corev1.FSGroupChangeOnRootMismatch).
			WithSeccompProfile(applycore.SeccompProfile().WithType(corev1.SeccompProfileTypeRuntimeDefault)))
	for _, each := range volumesOf(cache) {
		spec.WithVolumes(each.volume)
		c.WithVolumeMounts(each.mount)
	}
	spec.WithContainers(c)
	if replicasOf(cache) > 1 {
		spec.WithTopologySpreadConstraints(spread(cache, corev1.LabelHostname), spread(cache, corev1.LabelTopologyZone))
	}
	return spec
}

// spread keeps replicas apart where that can be.
func spread(cache *v1alpha1.OrasCache, topology string) *applycore.TopologySpreadConstraintApplyConfiguration {
	return applycore.TopologySpreadConstraint().
		WithMaxSkew(1).
		WithTopologyKey(topology).
		WithWhenUnsatisfiable(corev1.ScheduleAnyway).
		WithLabelSelector(applymeta.LabelSelector().WithMatchLabels(selectorOf(cache)))
}

// container returns what every registry's container has, with what its image needs besides.
func container(cache *v1alpha1.OrasCache, operatorImage string) *applycore.ContainerApplyConfiguration {
	c := applycore.Container().
		WithName(containerName).
		WithPorts(applycore.ContainerPort().
			WithName(portName).
			WithContainerPort(v1alpha1.Port).
			WithProtocol(corev1.ProtocolTCP)).
		WithResources(resources(cache)).
		WithSecurityContext(applycore.SecurityContext().
			WithAllowPrivilegeEscalation(false).
			WithReadOnlyRootFilesystem(true).
			WithCapabilities(applycore.Capabilities().WithDrop("ALL")))
	if isForeign(cache) {
		return configureForeign(c.WithImage(cache.Spec.Image), cache)
	}
	return configureBuiltIn(c.WithImage(operatorImage), cache)
}

// configureBuiltIn makes c run the registry that is part of the operator.
func configureBuiltIn(c *applycore.ContainerApplyConfiguration, cache *v1alpha1.OrasCache) *applycore.ContainerApplyConfiguration {
	scheme := corev1.URISchemeHTTP
	if cache.UsesTLS() {
		scheme = corev1.URISchemeHTTPS
	}
	return c.
		WithArgs("registry", "--config="+settingsFile).
		WithPorts(applycore.ContainerPort().
			WithName(metricsPortName).
			WithContainerPort(metricsPort).
			WithProtocol(corev1.ProtocolTCP)).
		WithReadinessProbe(probe("/readyz", scheme).WithPeriodSeconds(2)).
		WithLivenessProbe(probe("/healthz", scheme).WithPeriodSeconds(10).WithFailureThreshold(6))
}

func probe(path string, scheme corev1.URIScheme) *applycore.ProbeApplyConfiguration {
	return applycore.Probe().
		WithHTTPGet(applycore.HTTPGetAction().WithPath(path).WithScheme(scheme).WithPort(intstr.FromString(portName))).
		WithTimeoutSeconds(5)
}

// resources returns the requests and limits of the spec, or modest requests.
func resources(cache *v1alpha1.OrasCache) *applycore.ResourceRequirementsApplyConfiguration {
	given := cache.Spec.Resources
	if given == nil {
		return applycore.ResourceRequirements().WithRequests(corev1.ResourceList{
			corev1.ResourceCPU:    resource.MustParse("100m"),
			corev1.ResourceMemory: resource.MustParse("128Mi"),
		})
	}
	return applycore.ResourceRequirements().WithRequests(given.Requests).WithLimits(given.Limits)
}
