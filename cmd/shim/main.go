// Command shim wraps a container's command as one step of a workflow. See README.md beside this file and package shim.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"runtime"

	"github.com/converged-computing/oras-operator/pkg/handoff"
	"github.com/converged-computing/oras-operator/pkg/shim"
)

// version is set by the linker: -X main.version=…
var version = "dev"

func main() {
	runtime.GOMAXPROCS(1) // it mostly waits, and each processor that it ran on would have caches of its own
	os.Exit(run(context.Background(), os.Args[1:], os.Stdout, os.Stderr))
}

func run(ctx context.Context, args []string, stdout io.Writer, stderr *os.File) int {
	if len(args) > 0 {
		switch args[0] {
		case "install":
			return install(args[1:], stdout, stderr)
		case "status", "resume":
			return debug(args[0], args[1:], stdout, stderr)
		}
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
	if opts.DryRun {
		return shim.DryRun(opts, stdout, stderr)
	}
	return shim.Run(ctx, opts, stderr)
}

// debug looks at a running step, or lets it go on.
func debug(command string, args []string, stdout, stderr io.Writer) int {
	place, err := shim.ParsePlace(command, args)
	switch {
	case errors.Is(err, flag.ErrHelp):
		fmt.Fprint(stdout, shim.Usage) //nolint:errcheck // nobody could be told
		return 0
	case err != nil:
	case command == "status":
		err = place.Status(stdout)
	default:
		var done string
		if done, err = place.Resume(); err == nil {
			fmt.Fprintln(stdout, done) //nolint:errcheck // nobody could be told
		}
	}
	if err != nil {
		fmt.Fprintf(stderr, "shim: %v\n", err) //nolint:errcheck // nobody could be told
		return 1
	}
	return 0
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
