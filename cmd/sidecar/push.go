package main

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/spf13/cobra"

	"github.com/converged-computing/oras-operator/pkg/artifact"
	"github.com/converged-computing/oras-operator/pkg/transfer"
)

type pushCommand struct {
	common
	compression string
	concurrency int
	dryRun      bool
}

func newPushCommand() *cobra.Command {
	var c pushCommand
	cmd := &cobra.Command{
		Use:   "push HOST/REPOSITORY[:TAG] PATH",
		Short: "Push a directory or file as an artifact",
		Long: `Push a directory with all that is in it, or a single file, as an artifact. The tag is latest unless one is given; it
moves last, when everything else is in the registry. What the registry has already is not sent again.

If nothing is at PATH it is taken as a pattern, such as 'results/*.csv' in quotes, and what matches is pushed.`,
		Example: `  sidecar push localhost:5000/results:v1 ./results
  sidecar push --dry-run ghcr.io/me/results:v1 'results/*.csv'
  sidecar push --username me --password-stdin ghcr.io/me/model:v2 model.bin <token`,
	}
	c.bind(cmd)
	c.bindOutput(cmd)
	flags := cmd.Flags()
	bindCompression(cmd, &c.compression)
	bindConcurrency(cmd, &c.concurrency)
	flags.BoolVar(&c.dryRun, "dry-run", false, "only say what would be pushed; the registry is not asked")
	c.run(cmd, 2, func(ctx context.Context, s *session, args []string) error { return c.push(ctx, s, args[0], args[1]) })
	return cmd
}

func bindCompression(cmd *cobra.Command, to *string) {
	cmd.Flags().StringVar(to, "compression", string(artifact.Auto), "compress as `auto|none|gzip`: auto is quick and leaves alone what is large or would not shrink; gzip takes everything")
}

const concurrencyFlag = "concurrency"

func bindConcurrency(cmd *cobra.Command, to *int) {
	cmd.Flags().IntVar(to, concurrencyFlag, transfer.DefaultConcurrency, "move `n` layers at once")
}

func (c *pushCommand) push(ctx context.Context, s *session, to, path string) error {
	t, err := parseTag(to)
	if err != nil {
		return err
	}
	compression, err := artifact.ParseCompression(c.compression)
	if err != nil {
		return usageError{err, s.cmd}
	}
	repo, err := s.repository(t)
	if err != nil {
		return err
	}
	start := time.Now()
	stop := s.progress("Pushing", t.String())
	result, err := transfer.Push(ctx, repo, t.Tag, transfer.Directory(path), transfer.PushOptions{
		Compression: compression, Concurrency: c.concurrency, DryRun: c.dryRun, Retry: s.retry(), Counters: &s.counters,
	})
	stop()
	if err != nil {
		return err
	}
	o := newOutcome(fmt.Sprintf("Pushed %s@%s", result.Reference, result.Descriptor.Digest), result, start)
	if o.Files, o.DryRun = &result.Files, c.dryRun; c.dryRun {
		o.headline = "Would push " + result.Reference
	} else {
		o.BytesSent = &result.Uploaded
	}
	return s.finish(o)
}

// parseTag reads a reference that is to be written.
func parseTag(s string) (target, error) {
	t, err := parseTarget(s)
	if err == nil && t.Digest != "" {
		err = fmt.Errorf("%w %q: %w", transfer.ErrInvalidReference, s, errors.New("what is written has a tag, not a digest"))
	}
	return t, err
}
