// Command registry measures `operator registry` beside the stock `registry` of the same library, in the same run: large blobs
// and small ones, manifests, and what it costs to know who asks. It prints Markdown tables, and progress on standard error.
// README.md says what is measured and how. `make bench-registry` builds what it takes and runs it:
//
//	go run ./test/bench/registry --operator=… --registry=… --out=test/bench/results-registry
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
	operator, registry string // the binaries
	rounds, scale      int
	only               *regexp.Regexp // matched against a workload's key
	out                string         // .json and .md are added; nothing is written if it is empty
	dir                string         // where the scratch directory is made
}

func parse(args []string, stderr io.Writer) (options, error) {
	var o options
	var only string
	flags := flag.NewFlagSet("registry", flag.ContinueOnError)
	flags.SetOutput(stderr)
	flags.StringVar(&o.operator, "operator", "dist/linux/amd64/operator", "our registry is in it")
	flags.StringVar(&o.registry, "registry", "bin/registry", "the stock registry")
	flags.IntVar(&o.rounds, "rounds", 5, "how often each is measured")
	flags.IntVar(&o.scale, "scale", 1, "divide sizes and numbers by this, to see that all works")
	flags.StringVar(&only, "only", "", "measure the workloads whose key matches this `regexp`, such as ^get$")
	flags.StringVar(&o.out, "out", "", "write this `file` with .json and with .md added")
	flags.StringVar(&o.dir, "dir", "", "a directory for up to 6 GiB; default the system's for temporary files")
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
	for _, path := range []*string{&o.operator, &o.registry} {
		if *path, err = filepath.Abs(*path); err != nil {
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
	scratch, err := os.MkdirTemp(o.dir, "registry-bench-")
	if err != nil {
		return err
	}
	defer os.RemoveAll(scratch) //nolint:errcheck // what is left is in a temporary directory
	b := bench{options: o, scratch: scratch, log: slog.New(slog.NewTextHandler(stderr, nil)), report: newReport(o)}
	err = b.run(ctx)
	if ctx.Err() != nil {
		err = errors.New("interrupted")
	}
	if err == nil && len(b.report.Measurements) == 0 {
		err = fmt.Errorf("--only=%s matches nothing", o.only)
	}
	// What was measured before something failed is worth reading, but no result to keep.
	if err := errors.Join(err, b.report.writeMarkdown(stdout)); err != nil || o.out == "" {
		return err
	}
	return b.report.write(o.out)
}
