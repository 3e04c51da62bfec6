package shim

import (
	"context"
	"errors"
	"fmt"
	"os"
	"strings"
	"syscall"
	"time"

	"github.com/converged-computing/oras-operator/pkg/handoff"
)

// Breakpoints are where a shim holds for a person.
type Breakpoints struct {
	Before    bool // the command starts
	After     bool // the command has ended, whatever its code
	OnFailure bool // the command has failed
}

// MarshalText writes the breakpoints as the flag has them.
func (b Breakpoints) MarshalText() ([]byte, error) {
	var names []string
	for _, one := range b.byName() {
		if *one.set {
			names = append(names, one.name)
		}
	}
	return []byte(strings.Join(names, ",")), nil
}

// UnmarshalText reads names with commas between them.
func (b *Breakpoints) UnmarshalText(text []byte) error {
	*b = Breakpoints{}
	if len(text) == 0 {
		return nil
	}
	for name := range strings.SplitSeq(string(text), ",") {
		if !b.enable(name) {
			return fmt.Errorf("%q is none of %s, %s and %s", name, handoff.BreakBefore, handoff.BreakAfter, handoff.BreakOnFailure)
		}
	}
	return nil
}

func (b *Breakpoints) enable(name string) bool {
	for _, one := range b.byName() {
		if one.name == name {
			*one.set = true
			return true
		}
	}
	return false
}

type namedBreakpoint struct {
	name string
	set  *bool
}

func (b *Breakpoints) byName() []namedBreakpoint {
	return []namedBreakpoint{
		{handoff.BreakBefore, &b.Before}, {handoff.BreakAfter, &b.After}, {handoff.BreakOnFailure, &b.OnFailure},
	}
}

// errGoOn ends a breakpoint that a signal cuts short.
var errGoOn = errors.New("told to go on")

// pauseBefore holds for a person when the command is about to start.
func (l *life) pauseBefore(ctx context.Context) *ending {
	if !l.opts.Breakpoints.Before {
		return nil
	}
	err := l.pause(ctx, handoff.Breakpoint{Where: handoff.BreakBefore}, l.heedBefore("holding at a breakpoint"))
	if err != nil {
		return asEnding(err)
	}
	return nil
}

// pauseAfter holds for a person when the command has ended. The order to stop ends that, or keeps it from beginning, but not
// the step: its outputs can still be pushed.
func (l *life) pauseAfter(ctx context.Context, done *handoff.Done) {
	where := handoff.BreakAfter
	switch {
	case done.Terminating:
		return
	case l.opts.Breakpoints.After:
	case l.opts.Breakpoints.OnFailure && done.ExitCode != 0:
		where = handoff.BreakOnFailure
	default:
		return
	}
	err := l.pause(ctx, handoff.Breakpoint{Where: where, ExitCode: &done.ExitCode}, func(sig syscall.Signal) error {
		if l.meantForShim(sig) {
			done.Terminating = true
			return errGoOn
		}
		return nil
	})
	if err != nil {
		l.log.Warn("The breakpoint has ended.", "reason", err)
	}
}

// pause holds until somebody runs shim resume, or until heed returns an error.
func (l *life) pause(ctx context.Context, b handoff.Breakpoint, heed func(syscall.Signal) error) error {
	dir, name := l.opts.RunDir, l.opts.Container
	b.Time = time.Now()
	path := dir.Breakpoint(name, l.attempt)
	if err := handoff.Write(path, b); err != nil {
		return fmt.Errorf("recording a breakpoint: %w", err)
	}
	l.log.Warn("Holding at a breakpoint; look around with kubectl exec, and go on with: "+handoff.ShimPath+" resume", "breakpoint", b.Where)
	err := l.during(ctx, func(ctx context.Context) error {
		_, err := handoff.Await(ctx, dir, dir.Resume(name, l.attempt), func(handoff.Resume) bool { return true })
		return err
	}, heed)
	if err == nil {
		l.log.Warn("Going on from the breakpoint.", "breakpoint", b.Where)
	}
	return errors.Join(err, l.endPause())
}

// endPause removes the records, so that the next breakpoint holds too.
func (l *life) endPause() error {
	for _, path := range []string{
		l.opts.RunDir.Breakpoint(l.opts.Container, l.attempt), l.opts.RunDir.Resume(l.opts.Container, l.attempt),
	} {
		if err := os.Remove(path); err != nil && !errors.Is(err, os.ErrNotExist) {
			return fmt.Errorf("ending a breakpoint: %w", err)
		}
	}
	return nil
}
