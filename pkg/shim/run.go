package shim

import (
	"context"
	"log/slog"
	"os"
	"time"

	"github.com/converged-computing/oras-operator/pkg/handoff"
)

// Run wraps the command and returns the container's exit code. It takes over the process: its signals, its children,
// its terminal. ctx is not meant to end before the shim does.
func Run(ctx context.Context, opts Options, stderr *os.File) int {
	l := &life{opts: opts, log: newLogger(opts.Log, carefulFile{stderr}), signals: catchSignals()}
	return conclude(l.live(ctx), opts, l.log)
}

// Refuse reports options that cannot be worked with and returns the exit code.
func Refuse(mistake error, opts Options, stderr *os.File) int {
	return conclude(endf(handoff.ExitConfig, "Wrong flags of the shim: %v.", mistake), opts,
		newLogger(opts.Log, carefulFile{stderr}))
}

// life is one shim from its start to its end.
type life struct {
	opts    Options
	log     *slog.Logger
	signals signals
	attempt int   // number of this attempt; 0 when there is no hand-off
	link    *link // to the sidecar; nil when there is no hand-off
	pod     handoff.PodIdentity
}

func (l *life) live(ctx context.Context) *ending {
	l.adoptOrphans()
	if err := l.beginAttempt(); err != nil {
		return unusable(err)
	}
	if end := l.standFor(ctx); end != nil {
		return end
	}
	disconnect, err := l.connect(ctx)
	if err != nil {
		return unusable(err)
	}
	defer disconnect()

	inputs, end := l.awaitInputs(ctx)
	if end == nil {
		end = l.pauseBefore(ctx)
	}
	if end != nil {
		return l.neverRan(end)
	}
	if err := emptyDir(l.opts.EmptyDir); err != nil {
		return l.neverRan(endf(handoff.ExitConfig, "The output directory cannot be used: %v.", err))
	}
	command, end := l.start(commandEnv(os.Environ(), inputs, placeholders(l.pod, l.opts.Container, l.attempt)))
	if end != nil {
		return l.neverRan(end)
	}
	done := l.follow(command)
	l.sweep(&done)
	command.returnTerminal()
	l.finishCopy(ctx, command.copy, &done)
	l.pauseAfter(ctx, &done)
	if done.ExitCode == 0 {
		done.Outputs = l.fingerprint(l.attempt)
	}
	if err := l.writeDone(done); err != nil {
		return unrecorded(done, err)
	}
	return l.hold(ctx, done)
}

func unusable(err error) *ending {
	return endf(handoff.ExitConfig, "The volume of the hand-off cannot be used: %v.", err)
}

// neverRan records an ending that came before the command could run.
func (l *life) neverRan(end *ending) *ending {
	done := handoff.Done{
		ExitCode:    end.code,
		Signal:      int(end.signal),
		Terminating: end.signal != 0,
		Ended:       time.Now(),
		Message:     end.message,
	}
	if err := l.writeDone(done); err != nil {
		l.log.Warn("The end of this attempt is not recorded.", "error", err)
	}
	return end
}

// conclude says why the container ends, where it is not clear from its exit code, and returns that code.
func conclude(end *ending, opts Options, log *slog.Logger) int {
	if end.message != "" {
		log.Error(end.message, "exitCode", end.code)
	}
	if end.message != "" && end.explained() {
		if err := writeTerminationMessage(opts.TerminationMessagePath, end.message); err != nil {
			log.Debug("The termination message cannot be written.", "error", err)
		}
	}
	return end.code
}
