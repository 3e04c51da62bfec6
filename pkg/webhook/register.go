package webhook

import (
	"context"
	"errors"

	ctrl "sigs.k8s.io/controller-runtime"
	"sigs.k8s.io/controller-runtime/pkg/metrics"
	"sigs.k8s.io/controller-runtime/pkg/webhook/admission"
)

// Paths that the webhooks are served at.
const (
	podPath      = "/mutate-pod"
	jobPath      = "/mutate-job"
	stepPath     = "/validate-pod"
	templatePath = "/validate-template"
	keysPath     = "/validate-keys"
)

// Hint may follow a path. The API server prints the path where a call fails: the only words in such a denial that are the
// operator's.
const Hint = "/is-deployment-oras-operator-ready"

// Options are the settings of the webhooks.
type Options struct {
	SidecarImage string      // holds /shim and /sidecar; required
	LookUpImages bool        // whether registries are asked what images run; if not, containers without a command are denied
	Server       Server      // the API server; required
	Ending       func() bool // whether this replica is about to stop, so that another is to be asked; nil: it never is
}

// Register serves the webhooks with the manager's webhook server. The manager's scheme must know OrasCaches. An API server that
// cannot run steps is an [ErrServerTooOld].
func Register(ctx context.Context, mgr ctrl.Manager, opts Options) error {
	if opts.SidecarImage == "" {
		return errors.New("registering the webhooks: the sidecar's image is not set")
	}
	if err := checkServer(opts.Server); err != nil {
		return err
	}
	if err := warmUp(ctx, mgr); err != nil {
		return err
	}
	decisions, err := newDecisions(metrics.Registry)
	if err != nil {
		return err
	}
	durations, err := newDurations(metrics.Registry)
	if err != nil {
		return err
	}
	known := nodes{cached: mgr.GetClient()}
	findCommand, err := findCommandFor(mgr, opts, known)
	if err != nil {
		return err
	}
	assigned, err := assignsUsers(opts.Server)
	if err != nil {
		return err
	}
	m := Mutator{
		SidecarImage:  opts.SidecarImage,
		FindCache:     finder{cached: mgr.GetClient(), live: mgr.GetAPIReader()}.find,
		FindCommand:   findCommand,
		CheckNodes:    known.check,
		FindBounds:    bounds{cached: mgr.GetClient()}.of,
		AssignedUsers: assigned,
		decisions:     decisions,
	}
	server := mgr.GetWebhookServer()
	for path, handle := range map[string]admission.HandlerFunc{
		podPath: m.handlePod, jobPath: m.handleJob, stepPath: m.handleStep, templatePath: m.handleTemplates, keysPath: m.handleKeys,
	} {
		for _, at := range []string{path, path + Hint} {
			server.Register(at, parting(opts.Ending, timed(durationOf(durations, path), &admission.Webhook{Handler: handle})))
		}
	}
	return nil
}
