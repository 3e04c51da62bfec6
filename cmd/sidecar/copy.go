package main

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/spf13/cobra"

	"github.com/converged-computing/oras-operator/pkg/transfer"
)

type copyCommand struct {
	common
	concurrency int
}

func newCopyCommand() *cobra.Command {
	var c copyCommand
	cmd := &cobra.Command{
		Use:   "copy HOST/REPOSITORY[:TAG|@DIGEST] HOST/REPOSITORY[:TAG]",
		Short: "Copy an artifact to another repository or registry",
		Long: `Copy an artifact, or an image with all its platforms, to another repository, tag or registry. The digest stays what it is.
What the destination has is not sent again, nor what it can take over from another of its repositories. The tag is that of
the source unless one is given; it moves last.

With --username or --token-file both references are in one registry. For two of them the credentials come from the Docker configuration.`,
		Example: `  sidecar copy localhost:5000/results:v1 ghcr.io/me/results
  sidecar copy localhost:5000/results:v1 localhost:5000/results:best`,
	}
	c.bind(cmd)
	c.bindOutput(cmd)
	bindConcurrency(cmd, &c.concurrency)
	c.run(cmd, 2, func(ctx context.Context, s *session, args []string) error { return c.copy(ctx, s, args[0], args[1]) })
	return cmd
}

func (c *copyCommand) copy(ctx context.Context, s *session, from, to string) error {
	src, err := parseTarget(from)
	if err != nil {
		return err
	}
	dst, err := parseTag(to)
	if err != nil {
		return err
	}
	switch {
	case dst.bare && src.Tag == "":
		return usageError{fmt.Errorf("%s has no tag that %s could have too: give one", from, to), s.cmd}
	case dst.bare:
		dst.Tag = src.Tag
	}
	if (s.username != "" || s.tokenFile != "") && src.host != dst.host {
		return usageError{errors.New("--username and --token-file are for one registry, and these are two"), s.cmd}
	}
	source, err := s.repository(src)
	if err != nil {
		return err
	}
	destination, err := s.repository(dst)
	if err != nil {
		return err
	}
	start := time.Now()
	stop := s.progress("Copying", src.String()+" to "+dst.String())
	result, err := transfer.Copy(ctx, source, src.Target(), destination, dst.Tag, transfer.CopyOptions{
		Concurrency: c.concurrency, Retry: s.retry(), Counters: &s.counters,
	})
	stop()
	if err != nil {
		return err
	}
	o := newOutcome(fmt.Sprintf("Copied %s to %s", src, pinned(result)), result, start)
	o.Source, o.Blobs, o.BytesSent = src.String(), &result.Blobs, &result.Uploaded
	return s.finish(o)
}
