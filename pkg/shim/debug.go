package shim

import (
	"errors"
	"flag"
	"fmt"
	"io"
	"io/fs"
	"os"
	"strings"

	"github.com/converged-computing/oras-operator/pkg/handoff"
)

// Place says where the hand-off is that shim status and shim resume are about.
type Place struct {
	RunDir    handoff.Dir
	Container string // empty: whatever is there
}

// ParsePlace reads the arguments that follow shim status or shim resume.
func ParsePlace(command string, args []string) (Place, error) {
	var p Place
	set := flag.NewFlagSet("shim "+command, flag.ContinueOnError)
	set.SetOutput(io.Discard) // the caller reports mistakes once, in its own way
	set.StringVar((*string)(&p.RunDir), "run-dir", string(handoff.DefaultDir), "")
	set.StringVar(&p.Container, "container", "", "")
	if err := set.Parse(args); err != nil {
		return p, err
	}
	if set.NArg() > 0 {
		return p, fmt.Errorf("unexpected argument %q", set.Arg(0))
	}
	return p, nil
}

// containers lists those whose records can be seen from here, or the one that was named.
func (p Place) containers() ([]string, error) {
	if p.Container != "" {
		return []string{p.Container}, nil
	}
	entries, err := os.ReadDir(p.RunDir.App(""))
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return nil, err
	}
	var names []string
	for _, e := range entries {
		names = append(names, e.Name())
	}
	if len(names) == 0 {
		return nil, fmt.Errorf("there is no hand-off in %s", p.RunDir)
	}
	return names, nil
}

// Resume lets the shim that holds at a breakpoint go on, and says where that was.
func (p Place) Resume() (string, error) {
	names, err := p.containers()
	if err != nil {
		return "", err
	}
	var holding []held
	for _, name := range names {
		h, holds, err := p.held(name)
		if err != nil {
			return "", err
		}
		if holds {
			holding = append(holding, h)
		}
	}
	switch len(holding) {
	case 0:
		return "", errors.New("no shim holds at a breakpoint here")
	case 1:
		h := holding[0]
		return fmt.Sprintf("Container %s goes on from breakpoint %s.", h.container, h.Where),
			handoff.Write(p.RunDir.Resume(h.container, h.attempt), handoff.Resume{})
	}
	return "", fmt.Errorf("several containers hold at a breakpoint; name one with --container: %s", strings.Join(names, ", "))
}

// held is the attempt of a container that holds at a breakpoint.
type held struct {
	handoff.Breakpoint
	container string
	attempt   int
}

// held returns the latest attempt of a container, if it holds.
func (p Place) held(container string) (held, bool, error) {
	attempt, err := p.RunDir.LastAttempt(container)
	if err != nil {
		return held{}, false, err
	}
	b, holds, err := handoff.Look[handoff.Breakpoint](p.RunDir.Breakpoint(container, attempt))
	return held{b, container, attempt}, holds, err
}
