// Command shim wraps a container's command as one step of a workflow. See README.md beside this file and package shim.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"

	"github.com/converged-computing/oras-operator/pkg/handoff"
	"github.com/converged-computing/oras-operator/pkg/shim"
)

// version is set by the linker: -X main.version=…
var version = "dev"

func main() {
	os.Exit(run(context.Background(), os.Args[1:], os.Stdout, os.Stderr))
}

func run(ctx context.Context, args []string, stdout io.Writer, stderr *os.File) int {
	if len(args) > 0 && args[0] == "install" {
		return install(args[1:], stdout, stderr)
	}
	opts, err := shim.ParseOptions(args)
	switch {
	case errors.Is(err, flag.ErrHelp):
		fmt.Fprint(stdout, shim.Usage) //nolint:errcheck // nobody could be told
		return 0
	case errors.Is(err, shim.ErrVersion):
		fmt.Fprintln(stdout, shim.Version(version)) //nolint:errcheck // nobody could be told
		return 0
	case err != nil:
		return shim.Refuse(err, opts, stderr)
	}
	return shim.Run(ctx, opts, stderr)
}

func install(args []string, stdout, stderr io.Writer) int {
	in, err := shim.ParseInstallation(args)
	if errors.Is(err, flag.ErrHelp) {
		fmt.Fprint(stdout, shim.Usage) //nolint:errcheck // nobody could be told
		return 0
	}
	if err == nil {
		err = in.Install()
	}
	if err != nil {
		fmt.Fprintf(stderr, "shim: %v\n", err) //nolint:errcheck // nobody could be told
		return handoff.ExitConfig
	}
	return 0
}
