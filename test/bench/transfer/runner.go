package main

import (
	"context"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"regexp"

	"golang.org/x/sys/unix"

	"github.com/converged-computing/oras-operator/test/bench/server"
)

// runner measures workloads in one place with one registry.
type runner struct {
	site    site
	kind    server.Kind
	tools   []tool // ours first
	rounds  int
	scale   int
	counted bool // what goes over the wire is, in one more pass
	scratch string
	log     *slog.Logger
	table   *table
}

// run measures the workloads whose key, with a prefix, matches.
func (r *runner) run(ctx context.Context, prefix string, workloads []workload, only *regexp.Regexp) error {
	for _, w := range workloads {
		if !only.MatchString(prefix + "/" + w.key) {
			continue
		}
		r.log.Info("Measuring.", "workload", prefix+"/"+w.key, "name", w.name)
		if err := r.workload(ctx, w); err != nil {
			return fmt.Errorf("measuring %s/%s: %w", prefix, w.key, err)
		}
		for _, l := range w.lines {
			r.table.Lines = append(r.table.Lines, judge(r.table, w.name, l))
		}
	}
	return nil
}

// workload makes the tree, and goes through the steps with one tool after the other, in another order every time.
func (r *runner) workload(ctx context.Context, w workload) error {
	dir, err := os.MkdirTemp(r.scratch, "tree-")
	if err != nil {
		return err
	}
	defer r.discard(dir)
	tree := filepath.Join(dir, "tree")
	if err := os.Mkdir(tree, 0o755); err != nil {
		return err
	}
	if err := w.tree(tree, r.scale); err != nil {
		return fmt.Errorf("making the tree: %w", err)
	}
	tools := r.tools
	if w.ours {
		tools = tools[:1]
	}
	rounds := r.rounds
	if w.most > 0 {
		rounds = min(rounds, w.most)
	}
	for round := range rounds {
		if err := r.floor(ctx, w, tree); err != nil {
			return err
		}
		for i := range tools {
			t := tools[(i+round)%len(tools)]
			p := play{runner: r, workload: w, tool: t, tree: tree, round: round}
			if err := p.run(ctx); err != nil {
				return fmt.Errorf("%s: %w", t.name, err)
			}
		}
	}
	if !r.counted {
		return nil
	}
	for _, t := range tools {
		p := play{runner: r, workload: w, tool: t, tree: tree, round: rounds, counting: true}
		if err := p.run(ctx); err != nil {
			return fmt.Errorf("%s: %w", t.name, err)
		}
	}
	return nil
}

// floor measures a copy of the tree.
func (r *runner) floor(ctx context.Context, w workload, tree string) error {
	if !w.floor {
		return nil
	}
	unix.Sync()
	into := filepath.Join(r.scratch, "copy")
	defer r.discard(into)
	s, err := measure(ctx, r.site.client, r.scratch, floor(tree, into))
	if err != nil {
		return err
	}
	r.record(w, toolFloor, toolFloor, s)
	return nil
}

// manyFiles is the number of files from which a tree is kept to the end.
const manyFiles = 5000

// discard removes a tree, if need be at the end with scratch. For minutes ext4 gives the inodes of removed files to no other,
// but looks at each again for every file that is made: what came next would pay for it.
func (r *runner) discard(dir string) {
	if c, err := count(dir); err == nil && c.files >= manyFiles {
		kept, err := os.MkdirTemp(r.scratch, "discarded-")
		if err == nil && os.Rename(dir, filepath.Join(kept, "tree")) == nil {
			return
		}
	}
	_ = os.RemoveAll(dir) // scratch is removed at the end anyhow
}

func (r *runner) record(w workload, step, tool string, s sample) {
	m := r.table.of(w.name, step, tool)
	m.Samples = append(m.Samples, s)
	r.log.Info("Measured.", "step", step, "tool", tool, "seconds", fmt.Sprintf("%.3f", s.Seconds), "memory", inBytes(float64(s.Memory)))
}
