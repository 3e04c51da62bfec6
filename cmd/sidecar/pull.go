package main

import (
	"context"
	"fmt"
	"strings"
	"time"

	ocispec "github.com/opencontainers/image-spec/specs-go/v1"
	"github.com/spf13/cobra"

	"github.com/converged-computing/oras-operator/pkg/transfer"
	"github.com/converged-computing/oras-operator/pkg/tree"
)

type pullCommand struct {
	common
	into         string
	paths        []string
	concurrency  int
	dryRun       bool
	keepArchives bool
	platform     string
}

func newPullCommand() *cobra.Command {
	var c pullCommand
	cmd := &cobra.Command{
		Use:   "pull HOST/REPOSITORY[:TAG|@DIGEST]",
		Short: "Pull an artifact into a directory",
		Long: `Pull an artifact into a directory. Everything is verified, and nothing is visible there before all of it has arrived.
Files that are there already are replaced by those of the artifact; others stay.

With --path only what a pattern matches is pulled, and only the layers that hold it are fetched. * and ? stand for text
within a name, ** for any number of directories; a directory stands for all that is in it.`,
		Example: `  sidecar pull localhost:5000/results:v1
  sidecar pull --into ./data --path '**/*.csv' --path plots localhost:5000/results:v1
  sidecar pull --platform linux/arm64 --into rootfs docker.io/library/busybox`,
	}
	c.bind(cmd)
	c.bindOutput(cmd)
	flags := cmd.Flags()
	flags.StringVar(&c.into, "into", ".", "pull into this `directory`, which is made if it is not there")
	flags.StringArrayVar(&c.paths, "path", nil, "pull only what this `pattern` matches; may be given several times")
	bindConcurrency(cmd, &c.concurrency)
	flags.BoolVar(&c.dryRun, "dry-run", false, "only say what would be pulled; nothing is written")
	flags.BoolVar(&c.keepArchives, "keep-archives", false, "leave the archives of others' artifacts as they are")
	flags.StringVar(&c.platform, "platform", "", "take `os/arch[/variant]` of an image for several (default: of this machine)")
	c.run(cmd, 1, func(ctx context.Context, s *session, args []string) error { return c.pull(ctx, s, args[0]) })
	return cmd
}

func (c *pullCommand) pull(ctx context.Context, s *session, from string) error {
	t, err := parseTarget(from)
	if err != nil {
		return err
	}
	opts := transfer.PullOptions{
		Concurrency: c.concurrency, KeepArchives: c.keepArchives, DryRun: c.dryRun, Retry: s.retry(), Counters: &s.counters,
	}
	if opts.Platform, err = parsePlatform(c.platform); err != nil {
		return usageError{err, s.cmd}
	}
	if opts.Select, err = selection(c.paths); err != nil {
		return err
	}
	repo, err := s.repository(t)
	if err != nil {
		return err
	}
	start := time.Now()
	stop := s.progress("Pulling", t.String())
	result, err := transfer.Pull(ctx, repo, t.Target(), intoLater(c.into), opts)
	stop()
	if err != nil {
		return unmatched(err, c.paths)
	}
	o := newOutcome(fmt.Sprintf("Pulled %s into %s", pinned(result), c.into), result, start)
	o.Files, o.Into, o.DryRun = &result.Files, c.into, c.dryRun
	if c.dryRun {
		o.headline = fmt.Sprintf("Would pull %s into %s", pinned(result), c.into)
	} else {
		received := s.counters.Wire.Load()
		o.BytesReceived = &received
	}
	return s.finish(o)
}

// pinned is the reference of a result with its digest.
func pinned(r transfer.Result) string {
	if strings.Contains(r.Reference, "@") {
		return r.Reference
	}
	return r.Reference + "@" + string(r.Descriptor.Digest)
}

// selection is what patterns select; without any that is everything.
func selection(patterns []string) (func(tree.Path) bool, error) {
	if len(patterns) == 0 {
		return nil, nil
	}
	selects, err := transfer.Globs(patterns...)
	if err != nil {
		return nil, fmt.Errorf("--path: %w", err)
	}
	return selects, nil
}

func parsePlatform(s string) (*ocispec.Platform, error) {
	if s == "" {
		return nil, nil
	}
	parts := strings.Split(s, "/")
	if len(parts) < 2 || len(parts) > 3 || parts[0] == "" || parts[1] == "" {
		return nil, fmt.Errorf("--platform %q does not look like linux/amd64 or linux/arm/v7", s)
	}
	p := &ocispec.Platform{OS: parts[0], Architecture: parts[1]}
	if len(parts) == 3 {
		p.Variant = parts[2]
	}
	return p, nil
}
