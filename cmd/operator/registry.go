package main

import (
	"github.com/spf13/cobra"

	"github.com/converged-computing/oras-operator/pkg/registry"
)

// newRegistryCommand returns `operator registry`.
func newRegistryCommand(logging *logOptions) *cobra.Command {
	var cfg registry.Config
	cmd := &cobra.Command{
		Use:   "registry",
		Short: "Serve the built-in OCI registry",
		Long: `Serve the built-in OCI registry from a directory, over plain HTTP and open to anyone who can reach it.

The API is at /v2/. /healthz answers while the process serves, /readyz while it can write to its directory. At SIGTERM it
takes no more connections and lets requests under way end.`,
		Example: `  # in a pod, as the operator runs it
  operator registry --root /var/lib/registry --http-secret-file /etc/oras-registry/http-secret

  # on a laptop, for anything that speaks OCI
  operator registry --root ./registry --addr 127.0.0.1:5000
  oras push --plain-http 127.0.0.1:5000/hello:latest ./hello.txt`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			log, err := logging.logger(cmd.ErrOrStderr())
			if err != nil {
				return err
			}
			registry.RouteLibraryLog(log)
			return registry.Serve(cmd.Context(), cfg, log)
		},
	}
	flags := cmd.Flags()
	flags.StringVar(&cfg.Addr, "addr", registry.DefaultAddr, "TCP address to listen on, host:port")
	flags.StringVar(&cfg.Root, "root", registry.DefaultRoot, "directory of all data; made if it is not there")
	flags.StringVar(&cfg.SecretFile, "http-secret-file", "",
		"file with at least 16 bytes that sign the state of unfinished uploads, so that they outlive a restart; "+
			"without it a secret is made up at each start")
	flags.DurationVar(&cfg.DrainTimeout, "drain-timeout", registry.DefaultDrainTimeout,
		"how long requests under way may go on after SIGTERM")
	return cmd
}
