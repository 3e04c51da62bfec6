package main

import (
	"context"
	"errors"
	"fmt"
	"path"
	"path/filepath"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/converged-computing/oras-operator/pkg/artifact"
	"github.com/converged-computing/oras-operator/pkg/transfer"
	"github.com/converged-computing/oras-operator/pkg/tree"
)

type patchCommand struct {
	common
	add         []string
	remove      []string
	compression string
	concurrency int
	dryRun      bool
}

func newPatchCommand() *cobra.Command {
	var c patchCommand
	cmd := &cobra.Command{
		Use:   "patch HOST/REPOSITORY[:TAG]",
		Short: "Add, replace or remove files of an artifact without fetching all of it",
		Long: `Add, replace or remove files of an artifact in the registry. Only what changes is sent; fetched are the list of its files
and those packs of small files that have to be made anew. The tag moves to the new artifact; the old one stays in the
registry under its digest.

--add takes a file or directory here and where it goes in the artifact; without =PATH it goes to the top under its own
name. What is there already is replaced. --remove takes patterns like those of pull --path.`,
		Example: `  sidecar patch localhost:5000/results:v1 --add plots/field.png=plots/field.png
  sidecar patch localhost:5000/results:v1 --add README.md --remove 'run-1' --remove '**/*.tmp' --dry-run`,
	}
	c.bind(cmd)
	c.bindOutput(cmd)
	flags := cmd.Flags()
	flags.StringArrayVar(&c.add, "add", nil, "add or replace `file[=path]`; may be given several times")
	flags.StringArrayVar(&c.remove, "remove", nil, "remove what this `pattern` matches; may be given several times")
	bindCompression(cmd, &c.compression)
	bindConcurrency(cmd, &c.concurrency)
	flags.BoolVar(&c.dryRun, "dry-run", false, "only say what would be changed; nothing is sent")
	c.run(cmd, 1, func(ctx context.Context, s *session, args []string) error { return c.patch(ctx, s, args[0]) })
	return cmd
}

func (c *patchCommand) patch(ctx context.Context, s *session, to string) error {
	t, err := parseTag(to)
	if err != nil {
		return err
	}
	opts := transfer.PatchOptions{
		Remove: c.remove, DryRun: c.dryRun, Concurrency: c.concurrency, Retry: s.retry(), Counters: &s.counters,
	}
	if opts.Compression, err = artifact.ParseCompression(c.compression); err != nil {
		return usageError{err, s.cmd}
	}
	if opts.Add, err = parseAdditions(c.add); err != nil {
		return usageError{err, s.cmd}
	}
	if len(c.add)+len(c.remove) == 0 {
		return usageError{errors.New("there is nothing to do: give --add or --remove"), s.cmd}
	}
	repo, err := s.repository(t)
	if err != nil {
		return err
	}
	start := time.Now()
	stop := s.progress("Patching", t.String())
	result, err := transfer.Patch(ctx, repo, t.Tag, opts)
	stop()
	if err != nil {
		return err
	}
	o := newOutcome(fmt.Sprintf("Patched %s", pinned(result)), result, start)
	if o.Files, o.DryRun = &result.Files, c.dryRun; c.dryRun {
		o.headline = "Would patch " + result.Reference
	} else {
		o.BytesSent = &result.Uploaded
	}
	return s.finish(o)
}

// parseAdditions reads what is to be added: file[=path], cut at the first =.
func parseAdditions(all []string) ([]transfer.Addition, error) {
	var found []transfer.Addition
	for _, s := range all {
		local, to, given := strings.Cut(s, "=")
		if !given {
			to = filepath.Base(local)
		}
		a := transfer.Addition{Local: local, Path: tree.Path(path.Clean(to))}
		err := tree.ValidPath(a.Path)
		if local == "" {
			err = errors.New("the file is missing")
		}
		if err != nil {
			return nil, fmt.Errorf("--add %q does not look like file or file=path: %w", s, err)
		}
		found = append(found, a)
	}
	return found, nil
}
