package main

import (
	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"github.com/converged-computing/oras-operator/pkg/registry"
)

// newRegistryCommand returns `operator registry`.
func newRegistryCommand(logging *logOptions) *cobra.Command {
	opts := registryOptions{cfg: registry.DefaultConfig()}
	cmd := &cobra.Command{
		Use:   "registry",
		Short: "Serve the built-in OCI registry",
		Long: `Serve the built-in OCI registry from a directory or a bucket. Without other settings it speaks plain HTTP and is open to
anyone who can reach it.

Settings come from the file of --config, YAML in which an unknown key is a mistake, and from flags, which go before it. The
keys are in pkg/registry/README.md, under Settings.

The API is at /v2/. /healthz answers while the process serves, /readyz while it can write to its storage. At SIGTERM it is
not ready any more, but serves for --drain-delay; then it takes no more connections and lets requests under way end.`,
		Example: `  # in a pod, as the operator runs it
  operator registry --root /var/lib/registry --http-secret-file /etc/oras-registry/http-secret

  # with a file of settings, one of them changed
  operator registry --config /etc/oras-registry/config.yaml --max-uploads 32

  # with TLS, and metrics for Prometheus
  operator registry --tls-cert-file /tls/tls.crt --tls-key-file /tls/tls.key --metrics-addr :5001

  # on a laptop, for anything that speaks OCI
  operator registry --root ./registry --addr 127.0.0.1:5000
  oras push --plain-http 127.0.0.1:5000/hello:latest ./hello.txt`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			log, flush, err := logging.logger(cmd.ErrOrStderr())
			if err != nil {
				return err
			}
			defer flush()
			cfg, err := opts.config(cmd.Flags())
			if err != nil {
				return err
			}
			registry.RouteLibraryLog(log)
			return registry.Serve(cmd.Context(), cfg, log)
		},
	}
	opts.addFlags(cmd.Flags())
	return cmd
}

// registryOptions are what the command line of `operator registry` says.
type registryOptions struct {
	file string
	cfg  registry.Config
}

func (o *registryOptions) addFlags(flags *pflag.FlagSet) {
	flags.StringVar(&o.file, "config", "", "YAML file of settings; flags go before it")
	addRegistryFlags(flags, &o.cfg)
}

// config returns the settings of the file, if there is one, and over them those of the flags that were given.
func (o *registryOptions) config(given *pflag.FlagSet) (registry.Config, error) {
	if o.file == "" {
		return o.cfg, nil
	}
	cfg, err := registry.ReadConfig(o.file)
	if err != nil {
		return registry.Config{}, err
	}
	over := pflag.NewFlagSet("", pflag.ContinueOnError)
	addRegistryFlags(over, &cfg)
	given.Visit(func(flag *pflag.Flag) {
		if over.Lookup(flag.Name) != nil && err == nil {
			err = over.Set(flag.Name, flag.Value.String())
		}
	})
	return cfg, err
}

// addRegistryFlags adds the flags that change single fields of cfg, with what is in them by default.
func addRegistryFlags(flags *pflag.FlagSet, cfg *registry.Config) {
	flags.StringVar(&cfg.Addr, "addr", cfg.Addr, "TCP address to listen on, host:port")
	flags.StringVar(&cfg.MetricsAddr, "metrics-addr", cfg.MetricsAddr,
		"TCP address of /metrics and /oras/status, host:port, without credentials and TLS; empty for none")
	flags.StringVar(&cfg.Storage.Root, "root", cfg.Storage.Root, "directory of all data; made if it is not there")
	flags.StringVar(&cfg.HTTPSecretFile, "http-secret-file", cfg.HTTPSecretFile,
		"file with at least 16 bytes that sign the state of unfinished uploads, so that they outlive a restart; "+
			"without it a secret is made up at each start")
	flags.DurationVar(&cfg.DrainDelay, "drain-delay", cfg.DrainDelay,
		"how long to serve on after SIGTERM while /readyz says no")
	flags.DurationVar(&cfg.DrainTimeout, "drain-timeout", cfg.DrainTimeout,
		"how long requests under way may go on after SIGTERM, the delay included")
	flags.IntVar(&cfg.MaxUploads, "max-uploads", cfg.MaxUploads,
		"how many requests may send content at the same time, 0 for any number; others are answered 429")
	flags.StringVar(&cfg.TLS.CertFile, "tls-cert-file", cfg.TLS.CertFile,
		"PEM file of the certificate, read again when it changes; empty for plain HTTP")
	flags.StringVar(&cfg.TLS.KeyFile, "tls-key-file", cfg.TLS.KeyFile, "PEM file of the certificate's key")
	flags.StringVar(&cfg.Access.Auth, "auth", cfg.Access.Auth, "who may do what: none, serviceaccount or htpasswd")
	flags.StringVar(&cfg.Access.Cache, "cache", cfg.Access.Cache, "NAMESPACE/NAME of the OrasCache, for --auth=serviceaccount")
	flags.StringVar(&cfg.Access.HtpasswdFile, "htpasswd-file", cfg.Access.HtpasswdFile,
		"file of users with bcrypt hashes, for --auth=htpasswd")
	flags.StringVar(&cfg.Collect.Schedule, "collect-schedule", cfg.Collect.Schedule,
		`when to remove what nothing keeps, as cron or "@every 1h"; empty for never`)
}
