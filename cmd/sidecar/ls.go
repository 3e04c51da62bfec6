package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"strconv"
	"strings"
	"time"
	"unicode"

	"github.com/spf13/cobra"

	"github.com/converged-computing/oras-operator/pkg/artifact"
	"github.com/converged-computing/oras-operator/pkg/transfer"
	"github.com/converged-computing/oras-operator/pkg/tree"
)

type lsCommand struct {
	common
	paths []string
}

func newLsCommand() *cobra.Command {
	var c lsCommand
	cmd := &cobra.Command{
		Use:   "ls HOST[/REPOSITORY[:TAG|@DIGEST]]",
		Short: "List repositories, tags, or the files of an artifact",
		Long: `List the repositories of a registry, the tags of a repository, or the files of an artifact: their modes, sizes, times and
paths. Files are listed without fetching them.`,
		Example: `  sidecar ls localhost:5000
  sidecar ls localhost:5000/results
  sidecar ls localhost:5000/results:v1 --path '**/*.csv'`,
	}
	c.bind(cmd)
	c.bindOutput(cmd)
	cmd.Flags().StringArrayVar(&c.paths, "path", nil, "list only what this `pattern` matches; may be given several times")
	c.run(cmd, 1, func(ctx context.Context, s *session, args []string) error {
		t, err := parseHost(args[0])
		switch {
		case err != nil:
			return err
		case t.Repository != "" && !t.bare:
			return c.files(ctx, s, t)
		case len(c.paths) > 0:
			return usageError{errors.New("--path is for the files of an artifact; give its tag or digest"), s.cmd}
		case t.Repository == "":
			return c.repositories(ctx, s, t)
		}
		return c.tags(ctx, s, t)
	})
	return cmd
}

func (c *lsCommand) repositories(ctx context.Context, s *session, t target) error {
	found, err := s.registry(t).Repositories(ctx, s.retry())
	if err != nil {
		return err
	}
	if s.output == formJSON {
		return printJSON(s.cmd.OutOrStdout(), struct {
			Registry     string   `json:"registry"`
			Repositories []string `json:"repositories"`
		}{t.host, append([]string{}, found...)})
	}
	return printLines(s.cmd.OutOrStdout(), found)
}

func (c *lsCommand) tags(ctx context.Context, s *session, t target) error {
	repo, err := s.repository(t)
	if err != nil {
		return err
	}
	found, err := transfer.Tags(ctx, repo, s.retry())
	if err != nil {
		return err
	}
	if s.output == formJSON {
		return printJSON(s.cmd.OutOrStdout(), struct {
			Repository string   `json:"repository"`
			Tags       []string `json:"tags"`
		}{t.host + "/" + t.Repository, append([]string{}, found...)})
	}
	return printLines(s.cmd.OutOrStdout(), found)
}

func printLines(w io.Writer, lines []string) error {
	if len(lines) == 0 {
		return nil
	}
	return printed(io.WriteString(w, strings.Join(lines, "\n")+"\n"))
}

func (c *lsCommand) files(ctx context.Context, s *session, t target) error {
	selects, err := selection(c.paths)
	if err != nil {
		return err
	}
	repo, err := s.repository(t)
	if err != nil {
		return err
	}
	desc, index, err := transfer.Files(ctx, repo, t.Target(), s.retry())
	if err != nil {
		return err
	}
	entries := []artifact.Entry{}
	for _, e := range index.Entries {
		if selects == nil || selects(e.Path) {
			entries = append(entries, e)
		}
	}
	if selects != nil && len(entries) == 0 {
		return unmatched(fmt.Errorf("listing %s: %w", t, transfer.ErrNoMatch), c.paths)
	}
	if s.output == formJSON {
		return printJSON(s.cmd.OutOrStdout(), listingOf(t, string(desc.Digest), entries))
	}
	return printEntries(s.cmd.OutOrStdout(), entries)
}

// listing is the JSON form of the files of an artifact.
type listing struct {
	Reference string `json:"reference"`
	Digest    string `json:"digest"`
	Files     []file `json:"files"`
}

// file is one name in an artifact.
type file struct {
	Path    tree.Path  `json:"path"`
	Type    tree.Type  `json:"type"`
	Mode    string     `json:"mode,omitempty"` // octal
	Size    *int64     `json:"size,omitempty"` // of a file, in bytes
	ModTime *time.Time `json:"modTime,omitempty"`
	Link    tree.Path  `json:"link,omitempty"`
	Digest  string     `json:"digest,omitempty"`
}

func listingOf(t target, digest string, entries []artifact.Entry) listing {
	l := listing{Reference: t.String(), Digest: digest, Files: []file{}}
	for _, e := range entries {
		f := file{Path: e.Path, Type: e.Type, Link: e.Link, Digest: string(e.Digest)}
		if e.Type == tree.File {
			f.Size = &e.Size
		}
		if e.Mode != 0 {
			f.Mode = fmt.Sprintf("%04o", e.Mode)
		}
		if !e.ModTime.IsZero() {
			f.ModTime = &e.ModTime
		}
		l.Files = append(l.Files, f)
	}
	return l
}

// printEntries prints entries as ls -l and tar -tv do.
func printEntries(out io.Writer, entries []artifact.Entry) error {
	width := 1
	for _, e := range entries {
		width = max(width, len(strconv.FormatInt(e.Size, 10)))
	}
	var text strings.Builder
	for _, e := range entries {
		when := strings.Repeat("-", len("2006-01-02 15:04"))
		if !e.ModTime.IsZero() {
			when = e.ModTime.Local().Format("2006-01-02 15:04")
		}
		_, _ = fmt.Fprintf(&text, "%s %*d %s %s\n", modeOf(e.Entry), width, e.Size, when, nameOf(e.Entry)) // into memory
	}
	return printed(io.WriteString(out, text.String()))
}

func nameOf(e tree.Entry) string {
	name := printable(string(e.Path))
	switch e.Type {
	case tree.Symlink:
		return name + " -> " + printable(string(e.Link))
	case tree.Hardlink:
		return name + " link to " + printable(string(e.Link))
	case tree.Dir:
		return name + "/"
	}
	return name
}

func modeOf(e tree.Entry) string {
	mode := fs.FileMode(e.Mode & 0o777).String()[1:]
	switch e.Type {
	case tree.Dir:
		return "d" + mode
	case tree.Symlink:
		return "lrwxrwxrwx"
	case tree.Hardlink:
		return "h---------"
	}
	return "-" + mode
}

// printable is a name as it can be shown on a terminal: one that holds anything else is quoted.
func printable(name string) string {
	for _, r := range name {
		if !unicode.IsPrint(r) || r == unicode.ReplacementChar {
			return strconv.Quote(name)
		}
	}
	return name
}
