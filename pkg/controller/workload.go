package controller

import (
	"strconv"

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
	// stopSeconds is the time a registry has to drain. It is above the registry's own drain timeout.
	stopSeconds = 30
)

// statefulSet returns the workload of the registry: pod <name>-0, run from the image of the spec or else operatorImage.
//
// Pods are managed in parallel, so that a pod that never gets ready does not stand in the way of the spec that mends it.
func statefulSet(cache *v1alpha1.OrasCache, operatorImage string) *applyapps.StatefulSetApplyConfiguration {
	return applyapps.StatefulSet(cache.Name, cache.Namespace).
		WithLabels(labelsOf(cache)).
		WithOwnerReferences(ownerOf(cache)).
		WithSpec(applyapps.StatefulSetSpec().
			WithReplicas(1).
			WithServiceName(podServiceName(cache)).
			WithPodManagementPolicy(appsv1.ParallelPodManagement).
			WithSelector(applymeta.LabelSelector().WithMatchLabels(selectorOf(cache))).
			WithTemplate(applycore.PodTemplateSpec().
				WithLabels(labelsOf(cache)).
				WithSpec(podSpec(cache, operatorImage))))
}

// podSpec returns the registry's pod. It passes Pod Security "restricted", holds no token of the cluster, and is told of
// no Service: a Service named "registry" would come as REGISTRY_ variables, which registries take for configuration.
func podSpec(cache *v1alpha1.OrasCache, operatorImage string) *applycore.PodSpecApplyConfiguration {
	spec := applycore.PodSpec().
		WithAutomountServiceAccountToken(false).
		WithEnableServiceLinks(false).
		WithTerminationGracePeriodSeconds(stopSeconds).
		WithSecurityContext(applycore.PodSecurityContext().
			WithRunAsNonRoot(true).
			WithRunAsUser(registryUser).
			WithRunAsGroup(registryUser).
			WithFSGroup(registryUser).
			WithFSGroupChangePolicy(corev1.FSGroupChangeOnRootMismatch).
			WithSeccompProfile(applycore.SeccompProfile().WithType(corev1.SeccompProfileTypeRuntimeDefault))).
		WithContainers(container(cache, operatorImage)).
		WithVolumes(data(cache))
	if isForeign(cache) {
		return spec
	}
	return spec.WithVolumes(applycore.Volume().
		WithName(secretVolume).
		WithSecret(applycore.SecretVolumeSource().WithSecretName(secretName(cache))))
}

// isForeign tells whether the registry's image is not the operator's own.
func isForeign(cache *v1alpha1.OrasCache) bool {
	return cache.Spec.Image != ""
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
			WithCapabilities(applycore.Capabilities().WithDrop("ALL"))).
		WithVolumeMounts(applycore.VolumeMount().WithName(dataVolume).WithMountPath(dataDir))
	if isForeign(cache) {
		return configureForeign(c.WithImage(cache.Spec.Image), cache)
	}
	return configureBuiltIn(c.WithImage(operatorImage))
}

// configureBuiltIn makes c run the registry that is part of the operator.
func configureBuiltIn(c *applycore.ContainerApplyConfiguration) *applycore.ContainerApplyConfiguration {
	return c.
		WithArgs("registry",
			"--addr=:"+strconv.Itoa(v1alpha1.Port),
			"--root="+dataDir,
			"--http-secret-file="+secretDir+"/"+secretKey).
		WithVolumeMounts(applycore.VolumeMount().WithName(secretVolume).WithMountPath(secretDir).WithReadOnly(true)).
		WithReadinessProbe(probe("/readyz").WithPeriodSeconds(2)).
		WithLivenessProbe(probe("/healthz").WithPeriodSeconds(10).WithFailureThreshold(6))
}

// configureForeign makes c run a registry of which nothing is known but that it serves on a port. The variables are those
// of the distribution registry: https://distribution.github.io/distribution/about/configuration/.
func configureForeign(c *applycore.ContainerApplyConfiguration, cache *v1alpha1.OrasCache) *applycore.ContainerApplyConfiguration {
	return c.
		WithEnv(
			applycore.EnvVar().WithName("REGISTRY_HTTP_ADDR").WithValue(":"+strconv.Itoa(v1alpha1.Port)),
			applycore.EnvVar().WithName("REGISTRY_STORAGE_FILESYSTEM_ROOTDIRECTORY").WithValue(dataDir),
			applycore.EnvVar().WithName("REGISTRY_STORAGE_DELETE_ENABLED").WithValue("true"),
			applycore.EnvVar().WithName("REGISTRY_HTTP_SECRET").WithValueFrom(applycore.EnvVarSource().
				WithSecretKeyRef(applycore.SecretKeySelector().WithName(secretName(cache)).WithKey(secretKey)))).
		WithReadinessProbe(applycore.Probe().
			WithTCPSocket(applycore.TCPSocketAction().WithPort(intstr.FromString(portName))).
			WithPeriodSeconds(2))
}

func probe(path string) *applycore.ProbeApplyConfiguration {
	return applycore.Probe().
		WithHTTPGet(applycore.HTTPGetAction().WithPath(path).WithPort(intstr.FromString(portName))).
		WithTimeoutSeconds(5)
}

// data returns the volume of the registry's data.
func data(cache *v1alpha1.OrasCache) *applycore.VolumeApplyConfiguration {
	volume := applycore.Volume().WithName(dataVolume)
	if cache.Spec.Storage.Ephemeral {
		return volume.WithEmptyDir(applycore.EmptyDirVolumeSource().WithSizeLimit(sizeOf(cache)))
	}
	return volume.WithPersistentVolumeClaim(applycore.PersistentVolumeClaimVolumeSource().WithClaimName(claimName(cache)))
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
