// Command transfer measures pushing, pulling and patching beside the stock `oras` CLI, in the same run, against the stock
// `registry`, against our own, and over a link with a rate and a delay. It prints Markdown tables, and progress on standard
// error. README.md says what is measured and how. `make bench` builds what it takes and runs it:
//
//	go run ./test/bench/transfer --sidecar=… --operator=… --oras=… --registry=… --out=test/bench/results
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
	"path/filepath"
	"regexp"
	"syscall"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGINT, syscall.SIGTERM)
	err := run(ctx, os.Args[1:], os.Stdout, os.Stderr)
	stop()
	if err != nil && !errors.Is(err, flag.ErrHelp) {
		fmt.Fprintln(os.Stderr, "bench:", err)
		os.Exit(1)
	}
}

// options are what the benchmark is told.
type options struct {
	sidecar, operator string // our binaries
	oras, registry    string // the stock ones
	rounds, scale     int
	only              *regexp.Regexp // matched against a table's and a workload's key, as in stock/random
	out               string         // .json and .md are added; nothing is written if it is empty
	dir               string         // where the scratch directory is made
}

func parse(args []string, stderr io.Writer) (options, error) {
	var o options
	var only string
	flags := flag.NewFlagSet("transfer", flag.ContinueOnError)
	flags.SetOutput(stderr)
	flags.StringVar(&o.sidecar, "sidecar", "dist/linux/amd64/sidecar", "our client")
	flags.StringVar(&o.operator, "operator", "dist/linux/amd64/operator", "our registry is in it")
	flags.StringVar(&o.oras, "oras", "bin/oras", "the stock client")
	flags.StringVar(&o.registry, "registry", "bin/registry", "the stock registry")
	flags.IntVar(&o.rounds, "rounds", 5, "how often each is measured")
	flags.IntVar(&o.scale, "scale", 1, "divide sizes and numbers of files by this, to see that all works")
	flags.StringVar(&only, "only", "", "measure what matches this `regexp`, such as ^stock/random$; tables are stock, memory, own and link")
	flags.StringVar(&o.out, "out", "", "write this `file` with .json and with .md added")
	flags.StringVar(&o.dir, "dir", "", "a directory for up to 25 GiB; default the system's for temporary files")
	if err := flags.Parse(args); err != nil {
		return o, err
	}
	if o.rounds < 1 || o.scale < 1 || flags.NArg() > 0 {
		return o, errors.New("reading arguments: rounds and scale are at least 1, and there are no others but flags")
	}
	var err error
	if o.only, err = regexp.Compile(only); err != nil {
		return o, fmt.Errorf("reading --only: %w", err)
	}
	for _, path := range []*string{&o.sidecar, &o.operator, &o.oras, &o.registry} {
		if *path, err = filepath.Abs(*path); err != nil { // the commands run elsewhere
			return o, err
		}
		if _, err := os.Stat(*path); err != nil {
			return o, err
		}
	}
	return o, nil
}

func run(ctx context.Context, args []string, stdout, stderr io.Writer) error {
	o, err := parse(args, stderr)
	if err != nil {
		return err
	}
	scratch, err := os.MkdirTemp(o.dir, "oras-bench-")
	if err != nil {
		return err
	}
	defer os.RemoveAll(scratch) //nolint:errcheck // what is left is in a temporary directory
	b := bench{options: o, scratch: scratch, log: slog.New(slog.NewTextHandler(stderr, nil)), report: newReport(o)}
	err = b.run(ctx)
	if ctx.Err() != nil {
		err = errors.New("interrupted")
	}
	if err == nil && len(b.report.Tables) == 0 && b.report.Link == "" {
		err = fmt.Errorf("--only=%s matches nothing", o.only)
	}
	// What was measured before something failed is worth reading, but no result to keep.
	if err := errors.Join(err, b.report.writeMarkdown(stdout)); err != nil || o.out == "" {
		return err
	}
	return b.report.write(o.out)
}
