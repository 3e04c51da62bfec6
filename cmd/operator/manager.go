package main

import (
	"errors"
	"fmt"
	"time"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"github.com/converged-computing/oras-operator/pkg/certs"
)

const (
	defaultOperatorImage = "ghcr.io/converged-computing/oras-operator:dev"
	defaultSidecarImage  = "ghcr.io/converged-computing/oras-sidecar:dev"
	defaultNamespace     = "oras-operator-system"
)

// managerOptions are the flags of the manager.
type managerOptions struct {
	namespace     string
	operatorImage string
	sidecarImage  string
	metricsAddr   string
	probeAddr     string
	lookUpImages  bool
	webhookPort   int    // TCP port; 0 is no webhooks
	certDir       string // empty: the manager keeps certificates itself
	certLifetime  time.Duration
	leaderElect   bool
	shutdownDelay time.Duration

	registryCertLifetime time.Duration
}

func (o *managerOptions) addFlags(flags *pflag.FlagSet) {
	flags.StringVar(&o.namespace, "namespace", defaultNamespace,
		"namespace that the operator runs in, for its lease and its certificates")
	flags.StringVar(&o.operatorImage, "operator-image", defaultOperatorImage,
		"image of this operator, which the registries of OrasCaches run from unless they name another")
	flags.StringVar(&o.sidecarImage, "sidecar-image", defaultSidecarImage,
		"image of the sidecar and the shim that marked pods are given")
	flags.BoolVar(&o.lookUpImages, "look-up-images", true,
		"ask the registries of images what they run, for marked containers without a command; otherwise such are denied")
	flags.StringVar(&o.metricsAddr, "metrics-bind-address", ":8080",
		"TCP address of the Prometheus metrics, host:port; 0 serves none")
	flags.StringVar(&o.probeAddr, "health-probe-bind-address", ":8081",
		"TCP address of the probes /healthz and /readyz, host:port; 0 serves none")
	flags.IntVar(&o.webhookPort, "webhook-port", 9443,
		"TCP port of the admission webhooks; 0 serves none and keeps no certificates, to run outside of a cluster")
	flags.StringVar(&o.certDir, "webhook-cert-dir", "",
		"directory with the certificate of the webhooks, tls.crt and tls.key, which somebody else keeps and has them trust; "+
			"default: the manager makes and keeps one in a Secret")
	flags.DurationVar(&o.certLifetime, "webhook-cert-lifetime", certs.DefaultLifetime,
		fmt.Sprintf("how long a certificate that the manager makes is valid, at least %s; it is replaced after a third of it", certs.MinLifetime))
	flags.DurationVar(&o.registryCertLifetime, "registry-cert-lifetime", certs.DefaultLifetime,
		fmt.Sprintf("how long a certificate that the manager makes for a registry with spec.tls is valid, at least %s; it is replaced after a third of it",
			certs.MinLifetime))
	flags.DurationVar(&o.shutdownDelay, "shutdown-delay", 5*time.Second,
		"how long to go on serving after SIGTERM, not being ready any more, until the API server asks other replicas")
	flags.BoolVar(&o.leaderElect, "leader-elect", true,
		"let one of several replicas look after OrasCaches, Events and certificates; all of them serve webhooks")
}

// validate returns everything that is wrong with o, or nil.
func (o *managerOptions) validate() error {
	var wrong []error
	for flag, value := range map[string]string{
		"namespace": o.namespace, "operator-image": o.operatorImage, "sidecar-image": o.sidecarImage,
	} {
		if value == "" {
			wrong = append(wrong, fmt.Errorf("--%s must not be empty", flag))
		}
	}
	if o.webhookPort < 0 || o.webhookPort > 65535 {
		wrong = append(wrong, fmt.Errorf("--webhook-port %d is no TCP port", o.webhookPort))
	}
	if o.webhookPort == 0 && o.certDir != "" {
		wrong = append(wrong, errors.New("--webhook-cert-dir is of no use with --webhook-port=0"))
	}
	if o.shutdownDelay < 0 {
		wrong = append(wrong, fmt.Errorf("--shutdown-delay %s is negative", o.shutdownDelay))
	}
	for flag, value := range map[string]time.Duration{
		"webhook-cert-lifetime": o.certLifetime, "registry-cert-lifetime": o.registryCertLifetime,
	} {
		if value < certs.MinLifetime {
			wrong = append(wrong, fmt.Errorf("--%s %s is below %s", flag, value, certs.MinLifetime))
		}
	}
	return errors.Join(wrong...)
}

// newManagerCommand returns `operator`.
func newManagerCommand(logging *logOptions) *cobra.Command {
	opts := &managerOptions{}
	cmd := &cobra.Command{
		Use:   "operator",
		Short: "Keep the artifacts of workflows in registries of their own namespaces",
		Long: `Run the manager: it brings up a registry for each OrasCache, and answers the admission webhooks that give marked pods
their inputs and keep their outputs, and puts Events on those. It finds its cluster by its ServiceAccount, else by KUBECONFIG.`,
		Example: `  # in a cluster, as config/manager runs it
  operator --namespace=$(POD_NAMESPACE) --operator-image=ghcr.io/me/oras-operator:v1 --sidecar-image=ghcr.io/me/oras-sidecar:v1

  # on a laptop, for the OrasCaches of the cluster in KUBECONFIG, without webhooks
  operator --webhook-port=0 --leader-elect=false`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			if err := opts.validate(); err != nil {
				return err
			}
			log, flush, err := logging.logger(cmd.ErrOrStderr())
			if err != nil {
				return err
			}
			defer flush()
			return runManager(cmd.Context(), opts, log)
		},
	}
	opts.addFlags(cmd.Flags())
	return cmd
}
