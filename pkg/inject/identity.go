package inject

import (
	corev1 "k8s.io/api/core/v1"
	"k8s.io/utils/ptr"
)

// nobody is the user and group of the sidecar where the pod names none: "nonroot" of the distroless images.
const nobody = 65532

// identity is the user that the injected containers run as.
type identity struct {
	user   *int64 // nil: the one that the cluster assigns to the pod
	group  *int64 // nil: that of the user in the image, or as the user's
	shared bool   // a wrapped container runs, or may run, as another user
}

// chooseIdentity takes the user of the wrapped containers, if they have one in common and it is not root, with its
// group. Where the cluster assigns users to those that name none, it does so here.
func chooseIdentity(pod *corev1.PodSecurityContext, wrapped []*corev1.Container, assigned bool) identity {
	user, group, common := commonUser(pod, wrapped)
	switch {
	case user != nil && *user != 0:
		return identity{user: user, group: group, shared: !common}
	case user == nil && assigned:
		return identity{shared: true}
	default:
		return identity{user: ptr.To[int64](nobody), group: ptr.To[int64](nobody), shared: true}
	}
}

// commonUser is the user and group of all wrapped containers where they agree, else those of the pod.
func commonUser(pod *corev1.PodSecurityContext, wrapped []*corev1.Container) (user, group *int64, common bool) {
	if pod == nil {
		pod = &corev1.PodSecurityContext{}
	}
	for i, c := range wrapped {
		u, g := userOf(pod, c.SecurityContext)
		if i > 0 && !ptr.Equal(u, user) {
			return pod.RunAsUser, pod.RunAsGroup, false
		}
		if i > 0 && !ptr.Equal(g, group) {
			g = pod.RunAsGroup
		}
		user, group = u, g
	}
	return user, group, user != nil
}

func userOf(pod *corev1.PodSecurityContext, own *corev1.SecurityContext) (user, group *int64) {
	user, group = pod.RunAsUser, pod.RunAsGroup
	if own != nil && own.RunAsUser != nil {
		user = own.RunAsUser
	}
	if own != nil && own.RunAsGroup != nil {
		group = own.RunAsGroup
	}
	return user, group
}

// securityContext fulfils the profile "restricted" of the Pod Security Standards, whatever the pod's own says.
func (id identity) securityContext() *corev1.SecurityContext {
	return &corev1.SecurityContext{
		RunAsUser:                id.user,
		RunAsGroup:               id.group,
		RunAsNonRoot:             new(true),
		AllowPrivilegeEscalation: new(false),
		ReadOnlyRootFilesystem:   new(true),
		Capabilities:             &corev1.Capabilities{Drop: []corev1.Capability{"ALL"}},
		SeccompProfile:           &corev1.SeccompProfile{Type: corev1.SeccompProfileTypeRuntimeDefault},
	}
}
