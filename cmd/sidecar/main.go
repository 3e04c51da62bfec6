// Command sidecar moves files between a directory and a registry. In a pod it runs beside the step's command (sidecar run);
// its arguments are written by the operator. At a terminal it pushes, pulls, lists, reads, patches and copies artifacts. It
// reads these environment variables:
//
//   - HTTPS_PROXY, HTTP_PROXY, NO_PROXY: how to reach registries
//   - SSL_CERT_FILE, SSL_CERT_DIR: the certificates to trust, unless --ca is given
//   - DOCKER_CONFIG, or HOME: where the Docker configuration with the credentials is; at a terminal only
//   - PATH: where credential helpers are; at a terminal only
//   - TZ: the zone of the times that ls prints
package main

import (
	"context"
	"fmt"
	"io"
	"log/slog"
	"os"
	"runtime/debug"

	"github.com/spf13/cobra"
)

// version is set by the linker: -X main.version=…
var version = "dev"

// gcPercent trades a little time for memory: what a transfer holds is mostly buffers, which cost nothing to collect around.
const gcPercent = 25

func main() {
	debug.SetGCPercent(gcPercent)
	ctx, stop := untilSignal(context.Background())
	err := because(ctx, newCommand().ExecuteContext(ctx))
	stop()
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
	}
	os.Exit(exitCode(err))
}

func newCommand() *cobra.Command {
	root := &cobra.Command{
		Use:          "sidecar",
		Short:        "Move files between a directory and a registry",
		Version:      version,
		SilenceUsage: true,
		// main prints the error alone: the kubelet takes the end of the log for the gate's termination message.
		SilenceErrors: true,
		Args:          knownCommand,
		RunE:          func(cmd *cobra.Command, _ []string) error { return cmd.Help() },
	}
	root.AddGroup(&cobra.Group{ID: atTerminal, Title: "At a terminal:"}, &cobra.Group{ID: inPod, Title: "In a pod:"})
	root.AddCommand(newPushCommand(), newPullCommand(), newLsCommand(), newCatCommand(), newPatchCommand(), newCopyCommand())
	root.AddCommand(newRunCommand(), newGateCommand())
	return root
}

// Groups of commands in the help.
const (
	atTerminal = "terminal"
	inPod      = "pod"
)

// knownCommand is what cobra does by itself with unknown commands, but that it is a wrong usage.
func knownCommand(cmd *cobra.Command, args []string) error {
	if len(args) == 0 {
		return nil
	}
	err := fmt.Errorf("there is no command %q", args[0])
	if similar := cmd.SuggestionsFor(args[0]); len(similar) > 0 {
		err = fmt.Errorf("%w; did you mean %s?", err, similar[0])
	}
	return usageError{err, cmd}
}

func newLogger(w io.Writer, debug bool) *slog.Logger {
	level := slog.LevelInfo
	if debug {
		level = slog.LevelDebug
	}
	return slog.New(slog.NewTextHandler(w, &slog.HandlerOptions{Level: level}))
}
