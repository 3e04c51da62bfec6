// Command admission measures a burst of marked pods: how many are denied, how long the webhooks take for each, by the
// operator's own metrics, how much memory the managers need, and how long a pod takes to be created beside one without
// keys. The pods run on nodes that kwok feigns. It needs a cluster in KUBECONFIG with the operator installed and the image
// of the end-to-end tests' steps loaded, prints tables, and exits with 1 when a goal is missed:
//
//	go run ./test/bench/admission --kwok=bin/kwok --stages=… --pods=5000
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"os"
	"os/signal"
	"syscall"
	"time"

	"github.com/go-logr/logr"
	"sigs.k8s.io/controller-runtime/pkg/log"
)

// options are the flags.
type options struct {
	kubeconfig string
	kwok       string // path of the binary
	stages     string // folder of kwok's module with what kwok does to nodes and pods
	pods       int    // of each kind
	atOnce     int    // requests to create one that are under way at any time
	rate       int    // at most so many of them begin in a second; 0: as many as the API server answers
}

func main() {
	opts := options{kubeconfig: os.Getenv("KUBECONFIG")}
	flag.StringVar(&opts.kwok, "kwok", "bin/kwok", "path of kwok, which feigns the nodes")
	flag.StringVar(&opts.stages, "stages", "", "folder kustomize/stage of kwok's module")
	flag.IntVar(&opts.pods, "pods", 5000, "pods with keys, and as many without")
	flag.IntVar(&opts.atOnce, "at-once", 10, "pods that are being created at any time")
	flag.IntVar(&opts.rate, "rate", 0, "pods to create in a second at most; 0: as many as the API server takes")
	flag.Parse()
	log.SetLogger(logr.Discard()) // the client's
	ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGINT, syscall.SIGTERM)
	defer stop()
	if err := run(ctx, opts); err != nil {
		fmt.Fprintln(os.Stderr, "bench:", err)
		os.Exit(1)
	}
}

// limit bounds the whole run.
const limit = 30 * time.Minute

func run(ctx context.Context, opts options) (err error) {
	ctx, cancel := context.WithTimeout(ctx, limit)
	defer cancel()
	b, err := newBench(opts)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, b.close(context.WithoutCancel(ctx))) }()
	ctx, err = b.startKwok(ctx)
	if err != nil {
		return err
	}
	marked, unmarked, memory, err := b.run(ctx)
	if err != nil {
		return errors.Join(err, context.Cause(ctx))
	}
	return report(os.Stdout, opts.pods, marked, unmarked, memory)
}

// run measures one kind of pods after the other.
func (b *bench) run(ctx context.Context) (marked, unmarked *burst, memory map[string]int64, err error) {
	if err := b.prepare(ctx); err != nil {
		return nil, nil, nil, err
	}
	if marked, err = b.measure(ctx, "with keys", b.marked()); err != nil {
		return nil, nil, nil, err
	}
	if memory, err = b.peakMemory(ctx); err != nil {
		return nil, nil, nil, err
	}
	unmarked, err = b.measure(ctx, "without", b.unmarked())
	return marked, unmarked, memory, err
}
