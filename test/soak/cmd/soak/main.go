// Command soak soaks the cluster in KUBECONFIG, on which the operator is installed and the image of the tests' steps loaded:
//
//	go run ./test/soak/cmd/soak --time=30m --seed=42
//
// It exits with 1 if a promise was broken. A worker is killed through the docker command, as $DOCKER_HOST says.
package main

import (
	"context"
	"flag"
	"fmt"
	"io"
	"log/slog"
	"math/rand/v2"
	"os"
	"os/signal"
	"syscall"
	"time"

	"github.com/go-logr/logr"
	"sigs.k8s.io/controller-runtime/pkg/log"

	"github.com/converged-computing/oras-operator/test/harness"
	"github.com/converged-computing/oras-operator/test/soak"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGTERM, os.Interrupt)
	err := run(ctx, os.Args[1:], os.Getenv("KUBECONFIG"), os.Stdout, os.Stderr)
	stop()
	if err != nil {
		fmt.Fprintln(os.Stderr, "soak:", err)
		os.Exit(1)
	}
}

func run(ctx context.Context, args []string, kubeconfig string, stdout, stderr io.Writer) error {
	opts := soak.Options{Log: slog.New(slog.NewTextHandler(stderr, nil))}
	flags := flag.NewFlagSet("soak", flag.ContinueOnError)
	flags.SetOutput(stderr)
	flags.Uint64Var(&opts.Seed, "seed", 0, "replay this seed; 0: a new one")
	flags.DurationVar(&opts.Time, "time", time.Minute, "how long to start workflows and to kill")
	flags.IntVar(&opts.Parallel, "parallel", 3, "workflows at once")
	flags.StringVar(&opts.Evidence, "evidence", "dist/soak", "directory for what is known of broken promises")
	if err := flags.Parse(args); err != nil {
		return err
	}
	if opts.Seed == 0 {
		opts.Seed = uint64(rand.Uint32())
	}
	log.SetLogger(logr.Discard()) // the client's
	cluster, err := harness.Connect(kubeconfig)
	if err != nil {
		return err
	}
	if _, err := fmt.Fprintf(stdout, "seed %d\n", opts.Seed); err != nil {
		return err
	}
	report, err := soak.Run(ctx, cluster, opts)
	if printErr := report.Print(stdout); err == nil {
		err = printErr
	}
	if closeErr := cluster.Close(context.WithoutCancel(ctx)); err == nil {
		err = closeErr
	}
	if err == nil && len(report.Broken) > 0 {
		err = fmt.Errorf("%d promises are broken; replay with SEED=%d", len(report.Broken), opts.Seed)
	}
	return err
}
