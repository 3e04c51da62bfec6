// Command registry measures `operator registry` beside the stock `registry` of the same library, in the same run: large blobs
// and small ones, manifests, and the cost of authentication. It prints Markdown tables, and progress on standard error.
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

	"github.com/converged-computing/oras-operator/test/bench/gauge"
)

func main() { gauge.Main(run) }

// options are what the benchmark is told.
type options struct {
	gauge.Settings
	operator, registry string // the binaries
}

func parse(args []string, stderr io.Writer) (options, error) {
	var o options
	flags := flag.NewFlagSet("registry", flag.ContinueOnError)
	flags.SetOutput(stderr)
	flags.StringVar(&o.operator, "operator", "dist/linux/amd64/operator", "our registry is in it")
	flags.StringVar(&o.registry, "registry", "bin/registry", "the stock registry")
	err := o.Parse(flags, args, "measure the workloads whose key matches this `regexp`, such as ^get$", "a directory for up to 8 GiB",
		&o.operator, &o.registry)
	return o, err
}

func run(ctx context.Context, args []string, stdout, stderr io.Writer) error {
	o, err := parse(args, stderr)
	if err != nil {
		return err
	}
	scratch, err := os.MkdirTemp(o.Dir, "registry-bench-")
	if err != nil {
		return err
	}
	defer os.RemoveAll(scratch) //nolint:errcheck // what is left is in a temporary directory
	b := bench{options: o, scratch: scratch, log: slog.New(slog.NewTextHandler(stderr, nil)), report: &report{Run: gauge.NewRun(o.Settings)}}
	err = b.run(ctx)
	if ctx.Err() != nil {
		err = errors.New("interrupted")
	}
	if err == nil && len(b.report.Measurements) == 0 {
		err = fmt.Errorf("--only=%s matches nothing", o.Only)
	}
	// What was measured before something failed is worth reading, but no result to keep.
	if err := errors.Join(err, b.report.writeMarkdown(stdout)); err != nil || o.Out == "" {
		return err
	}
	return gauge.Save(o.Out, b.report, b.report.writeMarkdown)
}
