// Command operator is the manager by itself, the built-in registry and the offline injection by its subcommands. See
// README.md beside this file. It is configured by flags alone. Of the environment it reads KUBECONFIG outside of a cluster;
// where images are looked up HTTP_PROXY, HTTPS_PROXY and NO_PROXY, and for `inject` DOCKER_CONFIG.
package main

import (
	"context"
	"fmt"
	"io"
	"os"
	"os/signal"
	"syscall"
)

// version is set by the linker: -X main.version=…
var version = "dev"

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGTERM, os.Interrupt)
	// A second signal ends the process at once.
	context.AfterFunc(ctx, stop)
	if err := run(ctx, os.Args[1:], os.Stdout, os.Stderr); err != nil {
		fmt.Fprintf(os.Stderr, "operator: %v\n", err)
		os.Exit(1)
	}
}

// run is the whole command: args are those after its name.
func run(ctx context.Context, args []string, stdout, stderr io.Writer) error {
	root := newRoot()
	root.SetArgs(args)
	root.SetOut(stdout)
	root.SetErr(stderr)
	return root.ExecuteContext(ctx)
}
