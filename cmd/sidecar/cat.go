package main

import (
	"context"
	"path"

	"github.com/spf13/cobra"

	"github.com/converged-computing/oras-operator/pkg/transfer"
	"github.com/converged-computing/oras-operator/pkg/tree"
)

func newCatCommand() *cobra.Command {
	var c common
	var platform string
	cmd := &cobra.Command{
		Use:   "cat HOST/REPOSITORY[:TAG|@DIGEST] FILE",
		Short: "Write one file of an artifact to standard output",
		Long: `Write one file of an artifact to standard output. Only the layer that holds it is fetched. Symbolic links within the
artifact are followed. The exit code is not 0 if the content was not what its digest says.`,
		Example: `  sidecar cat localhost:5000/results:v1 summary.txt
  sidecar cat localhost:5000/results:v1 run-3/points.csv | head`,
	}
	c.bind(cmd)
	cmd.Flags().StringVar(&platform, "platform", "", "take `os/arch[/variant]` of an image for several (default: of this machine)")
	c.run(cmd, 2, func(ctx context.Context, s *session, args []string) error {
		t, err := parseTarget(args[0])
		if err != nil {
			return err
		}
		opts := transfer.CatOptions{Retry: s.retry(), Counters: &s.counters}
		if opts.Platform, err = parsePlatform(platform); err != nil {
			return usageError{err, s.cmd}
		}
		repo, err := s.repository(t)
		if err != nil {
			return err
		}
		return transfer.Cat(ctx, repo, t.Target(), tree.Path(path.Clean(args[1])), cmd.OutOrStdout(), opts)
	})
	return cmd
}
