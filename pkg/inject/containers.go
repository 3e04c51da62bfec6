package inject

import (
	"fmt"
	"slices"
	"strconv"
	"strings"

	corev1 "k8s.io/api/core/v1"

	"github.com/converged-computing/oras-operator/pkg/apis/v1alpha1"
	"github.com/converged-computing/oras-operator/pkg/handoff"
)

// defaultContainer is the annotation by which kubectl and service meshes name a pod's main container.
const defaultContainer = "kubectl.kubernetes.io/default-container"

// chooseContainers returns the containers of pod to wrap: those with the given names, else the only one, else the one
// that kubectl takes for the main one.
func chooseContainers(pod *corev1.PodTemplateSpec, names []string, ps *problems) []*corev1.Container {
	all := pod.Spec.Containers
	if len(names) == 0 && len(all) == 1 {
		return []*corev1.Container{&all[0]}
	}
	key := v1alpha1.KeyContainer
	if main := pod.Annotations[defaultContainer]; len(names) == 0 && main != "" {
		names, key = []string{main}, defaultContainer
	}
	if len(names) == 0 {
		ps.of(key, "the pod has several containers (%s); name the one to wrap, or several with commas between them", list(all))
	}
	var chosen []*corev1.Container
	for _, name := range names {
		i := slices.IndexFunc(all, func(c corev1.Container) bool { return c.Name == name })
		if i < 0 {
			ps.of(key, "%q is no container of the pod; it has %s", name, list(all))
			continue
		}
		chosen = append(chosen, &all[i])
	}
	return chosen
}

// wrap makes the shim run the container's command. Command and args are expanded alike by the kubelet, so args may
// follow command in one list; what comes from elsewhere is escaped.
func (d *decision) wrap(c *corev1.Container) {
	command, fromImage := d.commandOf(*c)
	shim := append([]string{handoff.ShimPath}, d.shimFlags(*c)...)
	if fromImage > 0 {
		shim = append(shim, imageArgsFlag+strconv.Itoa(fromImage))
	}
	c.Command, c.Args = slices.Concat(shim, []string{"--"}, command), nil
	c.VolumeMounts = append(c.VolumeMounts, corev1.VolumeMount{Name: binVolume, MountPath: handoff.BinDir, ReadOnly: true})
	c.VolumeMounts = append(c.VolumeMounts, runMounts(c.Name)...)
}

// equip gives the container what its command finds its inputs and outputs by.
func (d *decision) equip(c *corev1.Container) {
	c.Env = append(slices.Clone(d.env[c.Name]), c.Env...)
	c.VolumeMounts = append(c.VolumeMounts, d.inputs.appMounts...)
	if d.outputs.useOutDir(c.Name) {
		c.VolumeMounts = append(c.VolumeMounts, corev1.VolumeMount{Name: outVolume, MountPath: handoff.OutDir})
	}
}

// runMounts keep a container to its own directory of the hand-off's volume; the sidecar's it can only read.
func runMounts(container string) []corev1.VolumeMount {
	return []corev1.VolumeMount{
		{Name: runVolume, MountPath: handoff.DefaultDir.Sidecar(), SubPath: handoff.SidecarSubPath, ReadOnly: true},
		{Name: runVolume, MountPath: handoff.DefaultDir.App(container), SubPath: handoff.AppSubPath(container)},
	}
}

// escape protects text from the kubelet's expansion of $(NAME) and $$ in commands and variables.
func escape(text string) string { return strings.ReplaceAll(text, "$", "$$") }

func namesOf(containers []*corev1.Container) []string {
	names := make([]string, len(containers))
	for i, c := range containers {
		names[i] = c.Name
	}
	return names
}

// maxListed is how many of a kind a sentence lists: an annotation, or one reason of many, has no room for a thousand.
const maxListed = 10

// list is for people.
func list(containers []corev1.Container) string {
	var names []string
	for _, c := range containers[:min(len(containers), maxListed)] {
		names = append(names, c.Name)
	}
	if more := len(containers) - maxListed; more > 0 {
		names = append(names, fmt.Sprintf("and %d more", more))
	}
	return strings.Join(names, ", ")
}
