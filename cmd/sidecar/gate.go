package main

import (
	"time"

	"github.com/spf13/cobra"

	"github.com/converged-computing/oras-operator/pkg/handoff"
	"github.com/converged-computing/oras-operator/pkg/sidecar"
)

func newGateCommand() *cobra.Command {
	var dir handoff.Dir
	var timeout time.Duration
	var anew bool
	cmd := &cobra.Command{
		Use:     "gate",
		GroupID: inPod,
		Short:   "Wait until the inputs of the pod are in place",
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
