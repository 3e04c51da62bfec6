package soak

import (
	"context"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"strconv"
	"sync"
	"sync/atomic"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/converged-computing/oras-operator/test/harness"
)

// Options says how to soak.
type Options struct {
	Seed     uint64
	Time     time.Duration // for this long, workflows are started and participants killed
	Kills    int           // and on until this many kills have hit somebody
	Parallel int           // workflows at once
	Evidence string        // directory for the state, logs and events of workflows that break a promise
	Log      *slog.Logger
}

// Run soaks a cluster, on which the operator is installed, and reports what came of it. Broken promises are no error: the
// report has them.
func Run(ctx context.Context, c *harness.Cluster, opts Options) (Report, error) {
	start := time.Now()
	s := &soaking{
		Options: opts, cluster: c, striker: newStriker(c, opts.Log), until: start.Add(opts.Time), playing: map[string]bool{},
		run: strconv.FormatInt(start.Unix(), 36),
	}
	if _, err := c.Worker(ctx); err != nil {
		return Report{}, err
	}
	strikes, stop := context.WithCancel(ctx)
	defer stop()
	struck := make(chan struct{})
	go func() {
		defer close(struck)
		s.striker.run(strikes, opts.Seed, s.over, s.namespaces)
	}()
	group, ctx := errgroup.WithContext(ctx)
	for range opts.Parallel {
		group.Go(func() error { return s.playOn(ctx) })
	}
	err := group.Wait()
	stop()
	<-struck
	s.report.Seed, s.report.Kills = opts.Seed, s.striker.count
	return s.report, err
}

type soaking struct {
	Options
	cluster *harness.Cluster
	striker *striker
	until   time.Time
	run     string // part of every namespace's name, so that a seed can be replayed beside what it left before
	next    atomic.Int64

	mu      sync.Mutex
	playing map[string]bool // namespaces
	report  Report
}

func (s *soaking) namespaces() []string {
	s.mu.Lock()
	defer s.mu.Unlock()
	var all []string
	for name := range s.playing {
		all = append(all, name)
	}
	return all
}

func (s *soaking) setPlaying(name string, yes bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if yes {
		s.playing[name] = true
		return
	}
	delete(s.playing, name)
}

// over tells whether nothing more is to be started.
func (s *soaking) over() bool { return !time.Now().Before(s.until) && s.striker.done() >= s.Kills }

// playOn runs one workflow after the other until the soak is over.
func (s *soaking) playOn(ctx context.Context) error {
	for !s.over() {
		w := Plan(s.Seed, int(s.next.Add(1)))
		if err := s.play(ctx, w); err != nil {
			return fmt.Errorf("workflow %s: %w", w.Name, err)
		}
	}
	return nil
}

// play runs a workflow and holds what it left against the promises.
func (s *soaking) play(ctx context.Context, w Workflow) error {
	p := newPlayer(s.cluster, w.Name+"-"+s.run, w)
	s.setPlaying(p.namespace, true)
	err := p.play(ctx)
	s.setPlaying(p.namespace, false)
	var outcomes []Outcome
	if err == nil {
		outcomes, err = p.outcomes(ctx, s.striker.excuses(p.namespace))
	}
	if err != nil {
		s.keep(context.WithoutCancel(ctx), p.namespace)
		return err
	}
	if broken := s.add(p, outcomes); len(broken) > 0 {
		s.Log.Error("Promises are broken.", "workflow", w.Name, "broken", broken)
		s.keep(ctx, p.namespace)
		return nil // its namespace stays to be looked at
	}
	return p.remove(ctx)
}

// add puts the outcomes into the report and returns the promises they break.
func (s *soaking) add(p *player, outcomes []Outcome) (broken []string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.report.Workflows++
	s.report.Abandoned += p.abandoned
	for _, o := range outcomes {
		s.Log.Info("A step is over.", "workflow", p.workflow.Name, "step", o.Name, "state", o.State, "ends", o.Ends, "artifact", o.Artifact.describe())
		for _, sentence := range Violations(o) {
			broken = append(broken, p.workflow.Name+"/"+sentence)
		}
		s.report.add(o)
	}
	s.report.Broken = append(s.report.Broken, broken...)
	return broken
}

// keep writes down everything about a namespace.
func (s *soaking) keep(ctx context.Context, namespace string) {
	ctx, cancel := context.WithTimeout(ctx, serviceBound)
	defer cancel()
	err := os.MkdirAll(s.Evidence, 0o755)
	if err == nil {
		err = os.WriteFile(filepath.Join(s.Evidence, namespace+".txt"), []byte(s.cluster.Describe(ctx, namespace)), 0o644)
	}
	if err != nil {
		s.Log.Error("The evidence cannot be kept.", "error", err)
	}
}
