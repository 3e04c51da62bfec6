package shim

import (
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
	"time"

	"github.com/converged-computing/oras-operator/pkg/handoff"
)

// Status writes the state of the hand-off in words, as far as it can be seen from here.
func (p Place) Status(w io.Writer) error {
	names, err := p.containers()
	if err != nil {
		return err
	}
	slices.Sort(names)
	for _, name := range names {
		s, err := p.state(name)
		if err != nil {
			return err
		}
		if _, err := io.WriteString(w, s.describe(time.Now())); err != nil {
			return err
		}
	}
	return nil
}

// state is everything that the records say of a container's latest attempt. What is not known is nil.
type state struct {
	container  string
	attempt    int // 0: none yet
	ready      *handoff.Ready
	delivered  *handoff.Ready
	started    *handoff.Started
	done       *handoff.Done
	breakpoint *handoff.Breakpoint
	pushed     *handoff.Pushed
}

func (p Place) state(container string) (state, error) {
	attempt, err := p.RunDir.LastAttempt(container)
	if err != nil {
		return state{}, err
	}
	s, d := state{container: container, attempt: attempt}, p.RunDir
	err = errors.Join(
		look(&s.ready, d.Ready(), handoff.Look[handoff.Ready]),
		look(&s.delivered, d.Delivered(container, attempt), handoff.Look[handoff.Ready]),
		look(&s.started, d.Started(container, attempt), handoff.Look[handoff.Started]),
		look(&s.done, d.Done(container, attempt), handoff.Look[handoff.Done]),
		look(&s.breakpoint, d.Breakpoint(container, attempt), handoff.Look[handoff.Breakpoint]),
		look(&s.pushed, d.Pushed(container, attempt), handoff.Look[handoff.Pushed]),
	)
	return s, err
}

// look points into to the record at path, if there is one.
func look[T any](into **T, path string, read func(string) (T, bool, error)) error {
	record, there, err := read(path)
	if there {
		*into = &record
	}
	return err
}

// describe is a heading and one line or more for each of inputs, command and outputs.
func (s state) describe(now time.Time) string {
	var b strings.Builder
	if s.attempt == 0 {
		fmt.Fprintf(&b, "Container %s: has not started\n", s.container)
	} else {
		fmt.Fprintf(&b, "Container %s, attempt %d\n", s.container, s.attempt)
	}
	section(&b, "inputs", s.inputs())
	section(&b, "command", []string{s.command(now)})
	section(&b, "outputs", s.outputs())
	return b.String()
}

func section(b *strings.Builder, title string, lines []string) {
	for i, line := range lines {
		if i > 0 {
			title = ""
		}
		fmt.Fprintf(b, "  %-8s %s\n", title, line)
	}
}

func (s state) inputs() []string {
	verdict := s.ready
	if s.attempt > 1 || s.ready != nil && s.ready.Deliver {
		verdict = s.delivered // the pod's verdict is not the last word
	}
	switch {
	case s.started != nil && (verdict == nil || verdict.State != handoff.OK):
		return []string{"not waited for"}
	case verdict == nil || !verdict.ThisBoot():
		return []string{"waiting for the sidecar"}
	case verdict.State == handoff.Failed:
		return []string{"failed: " + sentence(verdict.Failure)}
	case verdict.State != handoff.OK:
		return []string{"being pulled: " + progress(verdict.Progress)}
	case s.ready == nil || len(s.ready.Inputs) == 0:
		return []string{"none"}
	}
	return artifacts("in place", s.counted(s.ready.Inputs))
}

// counted are the inputs with what there is of those that came through the shim.
func (s state) counted(inputs []handoff.Artifact) []handoff.Artifact {
	if s.delivered == nil {
		return inputs
	}
	all := slices.Clone(inputs)
	for i, input := range all {
		for _, lent := range s.delivered.Inputs {
			if lent.Reference == input.Reference && lent.Input == input.Input {
				all[i] = lent
			}
		}
	}
	return all
}

func (s state) command(now time.Time) string {
	switch {
	case s.breakpoint != nil && s.breakpoint.ExitCode != nil:
		return fmt.Sprintf("ended with code %d; holds at breakpoint %s, go on with: shim resume", *s.breakpoint.ExitCode, s.breakpoint.Where)
	case s.breakpoint != nil:
		return fmt.Sprintf("holds at breakpoint %s, go on with: shim resume", s.breakpoint.Where)
	case s.done != nil && s.done.RanAs > 0:
		return fmt.Sprintf("not run: attempt %d has, and ended with code %d", s.done.RanAs, s.done.ExitCode)
	case s.done != nil && !s.done.Ran():
		return fmt.Sprintf("never ran: %s (code %d)", s.done.Message, s.done.ExitCode)
	case s.done != nil && s.done.Signal > 0:
		return fmt.Sprintf("died of signal %d after %s", s.done.Signal, s.done.Ended.Sub(s.done.Started).Round(time.Millisecond))
	case s.done != nil:
		return fmt.Sprintf("ended with code %d after %s", s.done.ExitCode, s.done.Ended.Sub(s.done.Started).Round(time.Millisecond))
	case s.started != nil && s.pushed != nil && s.pushed.Incomplete:
		return "was killed together with the shim"
	case s.started != nil:
		return fmt.Sprintf("runs since %s as process %d: %s", now.Sub(s.started.Time).Round(time.Second), s.started.PID, quoted(s.started.Args))
	}
	return "waits for the inputs"
}

func (s state) outputs() []string {
	switch {
	case s.pushed == nil && s.done == nil:
		return []string{"pushed once the command has ended"}
	case s.done != nil && !s.done.Ran():
		return []string{"none: the command never ran"}
	case s.pushed == nil:
		return []string{"not dealt with yet"}
	case s.pushed.State == handoff.Failed:
		return []string{"failed: " + sentence(s.pushed.Failure)}
	case s.pushed.State == handoff.Skipped:
		return []string{"skipped: " + s.pushed.Why}
	case s.pushed.State != handoff.OK:
		return []string{"being pushed: " + progress(s.pushed.Progress)}
	}
	if s.pushed.Incomplete {
		return artifacts("incomplete, but in the registry", s.pushed.Outputs)
	}
	return artifacts("in the registry", s.pushed.Outputs)
}

func artifacts(where string, list []handoff.Artifact) []string {
	lines := []string{where}
	for _, a := range list {
		lines = append(lines, fmt.Sprintf("  %s, path %q, files: %d, bytes: %d", a.Pinned(), a.Path, a.Files, a.Bytes))
	}
	return lines
}

func progress(p handoff.Progress) string {
	return fmt.Sprintf("%d of %d files, %d of %d bytes", p.Files, p.TotalFiles, p.Bytes, p.TotalBytes)
}

func sentence(f *handoff.Failure) string {
	if f == nil {
		return "the sidecar does not say why; see its log"
	}
	return fmt.Sprintf("%s (code %d)", f.Message, f.Code)
}
