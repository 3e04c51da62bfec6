package inject

import (
	"slices"
	"strconv"
	"strings"

	corev1 "k8s.io/api/core/v1"

	"github.com/converged-computing/oras-operator/pkg/apis/v1alpha1"
	"github.com/converged-computing/oras-operator/pkg/plan"
)

// ImageCommand is what an image runs where a container does not say otherwise.
type ImageCommand struct {
	Entrypoint []string // ENTRYPOINT of the image
	Cmd        []string // CMD of the image, which the args of a container replace
	Unknown    string   // why neither is known, if so
}

// WantedImages lists the images whose commands a step of the pod cannot do without: those of containers that are to run
// under the shim and name no command.
func WantedImages(pod corev1.PodTemplateSpec, p plan.Plan) []string {
	if Injected(pod.Spec) {
		return nil
	}
	stripped, chosen := strip(pod)
	if len(p.Containers) == 0 {
		p.Containers = chosen
	}
	containers := chooseContainers(&stripped, p.Containers, new(problems))
	if runsUnwrapped(p, containers) {
		return nil
	}
	var images []string
	for _, c := range containers {
		if len(c.Command) == 0 && !slices.Contains(images, c.Image) {
			images = append(images, c.Image)
		}
	}
	return images
}

// checkImage finds a container of which nobody knows what it runs.
func (d *decision) checkImage(c corev1.Container, ps *problems) {
	image, asked := d.opts.Images[c.Image]
	why := image.Unknown
	switch {
	case !asked:
		why = "images are not looked up here"
	case why == "" && len(image.Entrypoint)+len(image.Cmd)+len(c.Args) == 0:
		why = "it has neither ENTRYPOINT nor CMD"
	}
	if why != "" {
		ps.add("container %q has no command, and that of image %s is not known: %s; set command to the image's ENTRYPOINT, and args to its CMD if the container has none of its own, or set %s to %s",
			c.Name, c.Image, why, v1alpha1.KeyWrap, plan.WrapNever)
	}
}

// commandOf is what a container runs, as the kubelet is to expand it: what comes from the image it would not have. The
// first fromImage words do.
func (d *decision) commandOf(c corev1.Container) (command []string, fromImage int) {
	if len(c.Command) > 0 {
		return slices.Concat(c.Command, c.Args), 0
	}
	image := d.opts.Images[c.Image]
	words := image.Entrypoint
	if len(c.Args) == 0 {
		words = slices.Concat(image.Entrypoint, image.Cmd)
	}
	for _, word := range words {
		command = append(command, escape(word))
	}
	return append(command, c.Args...), len(words)
}

// imageArgsFlag begins the flag that says how many words of a command come from the image. The shim has no use for it: it
// is how they can be taken away again.
const imageArgsFlag = "--image-args="

// imageArgs reads back how many words of a command come from the image.
func imageArgs(flags []string) int {
	for _, flag := range flags {
		if text, ok := strings.CutPrefix(flag, imageArgsFlag); ok {
			n, _ := strconv.Atoi(text) // what is none is 0
			return n
		}
	}
	return 0
}
