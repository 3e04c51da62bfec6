package main

import (
	"flag"
	"fmt"

	"github.com/spf13/cobra"

	"github.com/converged-computing/oras-operator/pkg/handoff"
	"github.com/converged-computing/oras-operator/pkg/sidecar"
)

// terminationMessagePath is Kubernetes' own default of Container.terminationMessagePath.
const terminationMessagePath = "/dev/termination-log"

func newRunCommand() *cobra.Command {
	var step handoff.Step
	var noticeFile string
	cmd := &cobra.Command{
		Use:     "run",
		GroupID: inPod,
		Short:   "Serve the step of one pod until SIGTERM",
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
			logger := newLogger(cmd.ErrOrStderr(), step.Debug)
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
