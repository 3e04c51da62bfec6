package main

import (
	"context"
	"fmt"
	"path/filepath"
	"time"

	"golang.org/x/sys/unix"

	"github.com/converged-computing/oras-operator/test/bench/gauge"
	"github.com/converged-computing/oras-operator/test/bench/server"
)

// play is the steps of a workload, gone through once with one tool, against a registry that is empty at first.
type play struct {
	*runner
	workload workload
	tool     tool
	tree     string
	round    int
	counting bool // what goes over the wire; nothing else is measured, and contents are compared
}

// repository is where everything is pushed to; the registry has no other.
const repository = "bench/artifact:v1"

func (p *play) run(ctx context.Context) (err error) {
	unix.Sync() // what was written before is not to be paid for here
	registry, err := server.Serve(ctx, p.site.registry, p.kind, p.scratch)
	if err != nil {
		return err
	}
	defer registry.Stop()
	host := registry.Addr
	var counter *relay
	if p.counting {
		if counter, err = newRelay(registry.Addr); err != nil {
			return err
		}
		defer counter.close()
		host = counter.addr
	}
	for _, s := range p.workload.steps {
		if s.confirm && !p.counting || s.ours && p.tool.name == toolStock {
			continue
		}
		if err := p.step(ctx, s, host+"/"+repository, registry, counter); err != nil {
			return fmt.Errorf("%s: %w", s.name, err)
		}
	}
	return nil
}

func (p *play) step(ctx context.Context, s step, ref string, registry *server.Server, counter *relay) error {
	if s.change != nil {
		if err := s.change(p.tree, p.round); err != nil {
			return fmt.Errorf("changing the tree: %w", err)
		}
	}
	into := filepath.Join(p.scratch, "pulled")
	defer p.discard(into)
	before, err := gauge.ProcessorTime(registry.PID())
	if err != nil {
		return err
	}
	took, err := measure(ctx, p.site.client, p.scratch, p.command(s, ref, into))
	if err != nil {
		return err
	}
	if err := took.addRegistry(registry.PID(), before); err != nil {
		return err
	}
	switch {
	case counter == nil:
		p.record(p.workload, s.name, p.tool.name, took)
	case !s.confirm:
		counted := counter.take()
		p.table.of(p.workload.name, s.name, p.tool.name).Wire = &counted
	}
	if s.verb == pull {
		return p.compare(into)
	}
	return nil
}

// command is what the tool is told at a step.
func (p *play) command(s step, ref, into string) command {
	switch s.verb {
	case pull:
		return p.tool.pull(ref, into)
	case patch:
		return p.tool.patch(ref, p.tree, patchedFile)
	}
	return p.tool.push(ref, p.tree, p.workload.file)
}

// addRegistry adds what the registry has used since its processor time was so much.
func (s *sample) addRegistry(pid int, before time.Duration) error {
	after, err := gauge.ProcessorTime(pid)
	if err != nil {
		return err
	}
	s.RegistryCPU = (after - before).Seconds()
	s.RegistryMemory, err = gauge.PeakMemory(pid)
	return err
}

// compare holds what was pulled against what was pushed.
func (p *play) compare(into string) error {
	pushed := filepath.Join(p.tree, p.workload.file)
	if err := sameSize(pushed, into); err != nil || !p.counting {
		return err
	}
	switch {
	case p.workload.file != "":
		into = filepath.Join(into, p.workload.file)
	case p.tool.name == toolStock: // it names what it pushes by the directory
		into = filepath.Join(into, filepath.Base(p.tree))
	}
	return sameContent(pushed, into)
}
