package inject

import (
	"path"
	"strings"

	corev1 "k8s.io/api/core/v1"

	"github.com/converged-computing/oras-operator/pkg/placeholder"
	"github.com/converged-computing/oras-operator/pkg/plan"
)

// The paths of a plan are texts with placeholders, and those of a pod are not: they are compared as texts.

// literal is the path that a text stands for; empty where that is known only in the pod.
func literal(text string) string {
	p, err := placeholder.Finish(text, nil)
	if err != nil {
		return ""
	}
	return p
}

// known is the part of an absolute path that is known now: all of it, or the deepest directory before a placeholder.
func known(text string) string {
	return before(text, func(part string) bool { return len(placeholder.In(part)) > 0 })
}

// fixed is known for the path of an output, in which there may be a pattern too.
func fixed(text string) string { return known(unpatterned(text)) }

// unpatterned is a path without what comes after its deepest directory before a pattern.
func unpatterned(text string) string {
	return before(text, func(part string) bool { return strings.ContainsAny(part, "*?[") })
}

func before(text string, varies func(part string) bool) string {
	end := 0
	for part := range strings.SplitAfterSeq(text, "/") {
		if varies(part) {
			return path.Clean(text[:end])
		}
		end += len(part)
	}
	return text
}

// resolve makes a path absolute where the working directory is known.
func resolve(c corev1.Container, p string) string {
	if path.IsAbs(p) || c.WorkingDir == "" {
		return p
	}
	return path.Join(placeholder.Escape(c.WorkingDir), p)
}

// place is a directory within a volume.
type place struct {
	volume, subPath string
	rest            string // path below the mount; empty: the mount itself
}

// placeOn is where an absolute path lies on the volume of a mount that covers it.
func placeOn(m corev1.VolumeMount, p string) place {
	return place{m.Name, m.SubPath, strings.TrimPrefix(p, strings.TrimSuffix(mountPath(m), "/"))}
}

// covering is the mount of the container that the path lies on; nil for none.
func covering(c *corev1.Container, p string) *corev1.VolumeMount { return longest(c.VolumeMounts, p) }

func longest(mounts []corev1.VolumeMount, p string) *corev1.VolumeMount {
	var best *corev1.VolumeMount
	for i, m := range mounts {
		if plan.Within(p, mountPath(m)) && (best == nil || len(mountPath(m)) > len(mountPath(*best))) {
			best = &mounts[i]
		}
	}
	return best
}

// mountPath is the path of a mount as a clean text.
func mountPath(m corev1.VolumeMount) string { return placeholder.Escape(path.Clean(m.MountPath)) }
