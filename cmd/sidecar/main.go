// Command sidecar moves files between a workflow step and a registry. In a pod it runs beside the step's command
// (sidecar run); its arguments are written by the operator. It reads no environment variables of its own.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"log/slog"
	"os"
	"os/signal"
	"syscall"
	"time"

	"github.com/spf13/cobra"

	"github.com/converged-computing/oras-operator/pkg/handoff"
	"github.com/converged-computing/oras-operator/pkg/sidecar"
)

// version is set by the linker: -X main.version=…
var version = "dev"

// terminationMessagePath is Kubernetes' own default of Container.terminationMessagePath.
const terminationMessagePath = "/dev/termination-log"

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGTERM, syscall.SIGINT)
	err := newCommand(os.Stderr).ExecuteContext(ctx)
	stop()
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
	}
	os.Exit(exitCode(err))
}

// exitCode is that of a step's failure where the error is one.
func exitCode(err error) int {
	failure, ok := errors.AsType[*handoff.Failure](err)
	switch {
	case err == nil:
		return 0
	case ok:
		return failure.Code
	case errors.Is(err, context.Canceled):
		return handoff.ExitSignal + int(syscall.SIGTERM)
	}
	return 1
}

func newCommand(log io.Writer) *cobra.Command {
	root := &cobra.Command{
		Use:          "sidecar",
		Short:        "Move files between a workflow step and a registry",
		Version:      version,
		SilenceUsage: true,
		// main prints the error alone: the kubelet takes the end of the log for the gate's termination message.
		SilenceErrors: true,
	}
	root.AddCommand(newRunCommand(log), newGateCommand())
	return root
}

func newRunCommand(log io.Writer) *cobra.Command {
	var step handoff.Step
	var noticeFile string
	cmd := &cobra.Command{
		Use:   "run",
		Short: "Serve the step of one pod until SIGTERM",
		Long: `Serve the step of one pod: pull its inputs, say that they are ready, wait for each wrapped command to end,
push its outputs, say so, and idle until SIGTERM. The operator writes these arguments into the pod.`,
		Example: `  sidecar run --run-dir=/tmp/run --registry=localhost:5000 --plain-http --container=app \
    --input='{"artifact":"simulate:latest","path":"/tmp/in","mount":"/tmp","below":"in"}' \
    --output='{"container":"app","artifact":"analyze:latest","path":"out"}'`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			if err := step.Validate(); err != nil {
				return err
			}
			logger := newLogger(log, step.Debug)
			logger.Debug("Serving the step.", "settings", fmt.Sprintf("%+v", step))
			return sidecar.New(step, logger, handoff.NewNoticeFile(noticeFile)).Run(cmd.Context())
		},
	}
	flags := flag.NewFlagSet("run", flag.ContinueOnError)
	step.BindFlags(flags)
	cmd.Flags().AddGoFlagSet(flags)
	cmd.Flags().StringVar(&noticeFile, "termination-message-path", terminationMessagePath,
		"leave notices of what was pulled and pushed in this `file`, if it is there")
	return cmd
}

func newGateCommand() *cobra.Command {
	var dir handoff.Dir
	var timeout time.Duration
	var anew bool
	cmd := &cobra.Command{
		Use:   "gate",
		Short: "Wait until the inputs of the pod are in place",
		Long: `Wait until the inputs of the pod are in place, as an init container after the sidecar: then no container starts
without them. It exits 0 when they are, 200 when they cannot be had, 204 when they are misconfigured, and says why.`,
		Example: `  sidecar gate --run-dir=/oras/run --timeout=2h`,
		Args:    cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			return sidecar.Gate(cmd.Context(), dir, timeout, anew)
		},
	}
	cmd.Flags().StringVar((*string)(&dir), "run-dir", string(handoff.DefaultDir), "directory of the hand-off's records")
	cmd.Flags().DurationVar(&timeout, "timeout", time.Hour, "give up after so long")
	cmd.Flags().BoolVar(&anew, "anew", false, "have inputs that have failed already tried again: for a pod whose containers are started again")
	return cmd
}

func newLogger(w io.Writer, debug bool) *slog.Logger {
	level := slog.LevelInfo
	if debug {
		level = slog.LevelDebug
	}
	return slog.New(slog.NewTextHandler(w, &slog.HandlerOptions{Level: level}))
}
