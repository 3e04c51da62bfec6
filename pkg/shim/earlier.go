package shim

import (
	"cmp"
	"context"
	"os"

	"github.com/converged-computing/oras-operator/pkg/handoff"
)

// next is what an attempt has to do in view of the one before it.
type next int

const (
	runCommand next = iota
	endAlike        // the command has run and its outputs are dealt with
	pushOnly        // the command has succeeded and its outputs are still there, but not in the registry
)

// decideNext says what to do after an attempt that left these records; zero records are absent ones. unchanged tells
// whether the outputs are still what done says.
func decideNext(policy RestartPolicy, done handoff.Done, pushed handoff.Pushed, unchanged func() bool) next {
	dealtWith, succeeded := pushed.DealtWith(), done.ExitCode == 0
	switch {
	case policy == RestartAlways || !done.Ran() || done.Failure != nil:
		return runCommand
	case dealtWith && (succeeded || policy == RestartNever):
		return endAlike
	case !dealtWith && succeeded && done.Outputs != "" && unchanged():
		return pushOnly
	}
	return runCommand
}

// standFor ends this attempt by what the one before it has done, if its command need not run again; else it returns nil.
func (l *life) standFor(ctx context.Context) *ending {
	before := l.before()
	if before == 0 {
		return nil
	}
	done, pushed := l.recordsOf(before)
	if ready, err := handoff.Read[handoff.Ready](l.opts.RunDir.Ready()); err == nil {
		l.pod = ready.Pod
	}
	unchanged := func() bool { return l.fingerprint(cmp.Or(done.RanAs, before)) == done.Outputs }
	switch decideNext(l.opts.RestartPolicy, done, pushed, unchanged) {
	case endAlike:
		l.log.Warn("The command has ended in an earlier attempt and is not run again.", "exitCode", done.ExitCode)
		l.forgetAttempt()
		return &ending{code: done.ExitCode}
	case pushOnly:
		l.log.Warn("The command has succeeded in an earlier attempt and is not run again; its outputs are pushed.")
		return l.pushAgain(ctx, done, before)
	}
	return nil
}

// before returns the attempt before this one that has left a record, past any that were killed before they could; 0 for
// none.
func (l *life) before() int {
	dir, name := l.opts.RunDir, l.opts.Container
	for n := l.attempt - 1; n > 0; n-- {
		for _, path := range []string{dir.Done(name, n), dir.Started(name, n)} {
			if _, err := os.Lstat(path); err == nil {
				return n
			}
		}
	}
	return 0
}

// recordsOf reads the records of an attempt; what is absent or cannot be read is zero. Of one that stands for an earlier one,
// the outputs may have been dealt with under the number of any of those between, once its shim was killed.
func (l *life) recordsOf(attempt int) (done handoff.Done, pushed handoff.Pushed) {
	dir, name := l.opts.RunDir, l.opts.Container
	done = lookAt(l, dir.Done(name, attempt), handoff.Look[handoff.Done])
	first := attempt
	if done.RanAs > 0 {
		first = done.RanAs
	}
	for n := attempt; n >= first && !pushed.DealtWith(); n-- {
		pushed = lookAt(l, dir.Pushed(name, n), handoff.Look[handoff.Pushed])
	}
	return done, pushed
}

// lookAt reads a record with look; one that is absent or cannot be read is zero.
func lookAt[T any](l *life, path string, look func(string) (T, bool, error)) T {
	record, _, err := look(path)
	if err != nil {
		l.log.Warn("A record of an earlier attempt cannot be read.", "error", err)
	}
	return record
}

// forgetAttempt leaves the attempt before this one as the last.
func (l *life) forgetAttempt() {
	if err := os.Remove(l.opts.RunDir.Attempt(l.opts.Container, l.attempt)); err != nil {
		l.log.Warn("An attempt that does nothing leaves its directory.", "error", err)
	}
}

// pushAgain holds for the outputs that an earlier attempt made. The record, which is that of the earlier attempt, comes
// before the connection, so that the sidecar does not prepare for a command.
func (l *life) pushAgain(ctx context.Context, done handoff.Done, before int) *ending {
	if done.RanAs == 0 {
		done.RanAs = before
	}
	done.Terminating = false
	if err := l.writeDone(done); err != nil {
		return unrecorded(done, err)
	}
	disconnect, err := l.connect(ctx)
	if err != nil {
		return unusable(err)
	}
	defer disconnect()
	return l.hold(ctx, done)
}
