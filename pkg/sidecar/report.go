package sidecar

import (
	"context"
	"log/slog"
	"sync"
	"time"

	"github.com/converged-computing/oras-operator/pkg/handoff"
	"github.com/converged-computing/oras-operator/pkg/transfer"
)

// How often the progress of a transfer goes into its record and into the log.
const (
	recordEvery = time.Second
	logEvery    = 10 * time.Second
)

// report tells how far a transfer is while it runs: in a record, for the shim, and in the log, for people.
type report struct {
	log      *slog.Logger
	doing    string // a sentence
	record   func(handoff.Progress) error
	counters transfer.Counters
	cancel   context.CancelFunc
	group    sync.WaitGroup
}

func newReport(log *slog.Logger, doing string, record func(handoff.Progress) error) *report {
	return &report{log: log, doing: doing, record: record}
}

// start writes the first record and goes on until stop. The transfer counts in what it returns.
func (r *report) start(ctx context.Context) *transfer.Counters {
	r.write()
	ctx, r.cancel = context.WithCancel(ctx)
	r.group.Go(func() { r.run(ctx) })
	return &r.counters
}

// stop returns when no record is being written any more.
func (r *report) stop() {
	r.cancel()
	r.group.Wait()
}

func (r *report) run(ctx context.Context) {
	records, logs := time.NewTicker(recordEvery), time.NewTicker(logEvery)
	defer records.Stop()
	defer logs.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-records.C:
			r.write()
		case <-logs.C:
			p := r.progress()
			r.log.Info(r.doing, "bytes", p.Bytes, "totalBytes", p.TotalBytes, "files", p.Files, "totalFiles", p.TotalFiles)
		}
	}
}

func (r *report) write() {
	if err := r.record(r.progress()); err != nil {
		r.log.Warn("The progress cannot be recorded.", "error", err)
	}
}

func (r *report) progress() handoff.Progress {
	return handoff.Progress{
		Bytes:      r.counters.Bytes.Load(),
		TotalBytes: r.counters.TotalBytes.Load(),
		Files:      r.counters.Files.Load(),
		TotalFiles: r.counters.TotalFiles.Load(),
		Work:       r.counters.Work.Load(),
	}
}
