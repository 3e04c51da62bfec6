package webhook

import (
	"cmp"
	"context"
	"strings"
	"sync"
	"time"

	"golang.org/x/sync/semaphore"
	corev1 "k8s.io/api/core/v1"
	ctrl "sigs.k8s.io/controller-runtime"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/converged-computing/oras-operator/pkg/imageconfig"
	"github.com/converged-computing/oras-operator/pkg/inject"
	"github.com/converged-computing/oras-operator/pkg/plan"
)

// FindCommand returns what an image runs that a pod of the namespace names.
type FindCommand func(ctx context.Context, namespace string, pod corev1.PodSpec, image string) inject.ImageCommand

// images returns what the images run whose commands the step needs.
func (m Mutator) images(ctx context.Context, pod corev1.PodTemplateSpec, p plan.Plan, namespace string) map[string]inject.ImageCommand {
	if m.FindCommand == nil {
		return nil
	}
	wanted := inject.WantedImages(pod, p)
	found := make([]inject.ImageCommand, len(wanted))
	var all sync.WaitGroup
	for i, image := range wanted {
		all.Go(func() { found[i] = m.FindCommand(ctx, namespace, pod.Spec, image) })
	}
	all.Wait()
	images := map[string]inject.ImageCommand{}
	for i, image := range wanted {
		images[image] = found[i]
	}
	return images
}

// findCommandFor returns what looks commands up for the webhooks of a manager.
func findCommandFor(mgr ctrl.Manager, opts Options, known nodes) (FindCommand, error) {
	if !opts.LookUpImages {
		return notLookedUp, nil
	}
	secrets, err := pullSecretsReader(mgr)
	if err != nil {
		return nil, err
	}
	return newCommands(mgr.GetAPIReader(), secrets, known, imageconfig.Options{UserAgent: "oras-operator"}).find, nil
}

// notLookedUp is the FindCommand of an operator that is to ask no registry.
func notLookedUp(context.Context, string, corev1.PodSpec, string) inject.ImageCommand {
	return inject.ImageCommand{Unknown: "this operator runs with --look-up-images=false"}
}

// commands looks commands up with the credentials that the nodes would have for a pod.
type commands struct {
	live    client.Reader // ServiceAccounts are not cached
	secrets client.Reader // as [PullSecretsUser]
	nodes   nodes
	lookup  *imageconfig.Lookup
	timeout time.Duration       // of all that is done for one image
	reading *semaphore.Weighted // of those that hold Secrets
}

func newCommands(live, secrets client.Reader, known nodes, opts imageconfig.Options) commands {
	opts.Timeout = cmp.Or(opts.Timeout, imageconfig.DefaultTimeout)
	return commands{
		live: live, secrets: secrets, nodes: known,
		lookup: imageconfig.New(opts), timeout: opts.Timeout, reading: semaphore.NewWeighted(readingAtOnce),
	}
}

// find is a FindCommand.
func (c commands) find(ctx context.Context, namespace string, pod corev1.PodSpec, image string) inject.ImageCommand {
	ctx, cancel := context.WithTimeout(ctx, c.timeout)
	defer cancel()
	architectures, err := c.nodes.architectures(ctx, pod)
	if err != nil {
		return inject.ImageCommand{Unknown: err.Error()}
	}
	keys, missing, err := c.keychain(ctx, namespace, pod)
	if err != nil {
		return inject.ImageCommand{Unknown: err.Error()}
	}
	command, err := c.lookup.Command(ctx, image, architectures, keys)
	if err != nil {
		return inject.ImageCommand{Unknown: strings.Join(append([]string{err.Error()}, missing...), "; ")}
	}
	return inject.ImageCommand{Entrypoint: command.Entrypoint, Cmd: command.Cmd}
}
