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

	"github.com/converged-computing/oras-operator/test/bench/gauge"
)

func main() { gauge.Main(run) }

// options are what the benchmark is told.
type options struct {
	gauge.Settings
	sidecar, operator string // our binaries
	oras, registry    string // the stock ones
}

func parse(args []string, stderr io.Writer) (options, error) {
	var o options
	flags := flag.NewFlagSet("transfer", flag.ContinueOnError)
	flags.SetOutput(stderr)
	flags.StringVar(&o.sidecar, "sidecar", "dist/linux/amd64/sidecar", "our client")
	flags.StringVar(&o.operator, "operator", "dist/linux/amd64/operator", "our registry is in it")
	flags.StringVar(&o.oras, "oras", "bin/oras", "the stock client")
	flags.StringVar(&o.registry, "registry", "bin/registry", "the stock registry")
	err := o.Parse(flags, args, "measure what matches this `regexp`, such as ^stock/random$; tables are stock, memory, own and link",
		"a directory for up to 25 GiB", &o.sidecar, &o.operator, &o.oras, &o.registry)
	return o, err
}

func run(ctx context.Context, args []string, stdout, stderr io.Writer) error {
	o, err := parse(args, stderr)
	if err != nil {
		return err
	}
	scratch, err := os.MkdirTemp(o.Dir, "oras-bench-")
	if err != nil {
		return err
	}
	defer os.RemoveAll(scratch) //nolint:errcheck // what is left is in a temporary directory
	b := bench{options: o, scratch: scratch, log: slog.New(slog.NewTextHandler(stderr, nil)), report: &report{Run: gauge.NewRun(o.Settings)}}
	err = b.run(ctx)
	if ctx.Err() != nil {
		err = errors.New("interrupted")
	}
	if err == nil && len(b.report.Tables) == 0 && b.report.Link == "" {
		err = fmt.Errorf("--only=%s matches nothing", o.Only)
	}
	// What was measured before something failed is worth reading, but no result to keep.
	if err := errors.Join(err, b.report.writeMarkdown(stdout)); err != nil || o.Out == "" {
		return err
	}
	return gauge.Save(o.Out, b.report, b.report.writeMarkdown)
}
