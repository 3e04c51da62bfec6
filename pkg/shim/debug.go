package shim

import (
	"errors"
	"flag"
	"fmt"
	"io"
	"io/fs"
	"os"
	"slices"
	"strconv"
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

// latest returns the highest number of an attempt of the container; 0 for none.
func (p Place) latest(container string) (int, error) {
	entries, err := os.ReadDir(p.RunDir.App(container))
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return 0, err
	}
	return highest(entries), nil
}

// highest is the highest number that names an entry; 0 for none.
func highest(entries []fs.DirEntry) int {
	last := 0
	for _, e := range entries {
		if n, err := strconv.Atoi(e.Name()); err == nil && n <= maxAttempt {
			last = max(last, n)
		}
	}
	return last
}

// Resume lets the shim that holds at a breakpoint go on, and says where that was.
func (p Place) Resume() (string, error) {
	names, err := p.containers()
	if err != nil {
		return "", err
	}
	var holding []string
	for _, name := range names {
		if _, held, err := p.breakpoint(name); err != nil {
			return "", err
		} else if held {
			holding = append(holding, name)
		}
	}
	slices.Sort(holding)
	switch len(holding) {
	case 0:
		return "", errors.New("no shim holds at a breakpoint here")
	case 1:
		return p.resume(holding[0])
	}
	return "", fmt.Errorf("several containers hold at a breakpoint (%s); name one with --container", strings.Join(holding, ", "))
}

func (p Place) resume(container string) (string, error) {
	attempt, err := p.latest(container)
	if err != nil {
		return "", err
	}
	b, _, err := p.breakpoint(container)
	if err != nil {
		return "", err
	}
	return fmt.Sprintf("Container %s goes on from breakpoint %s.", container, b.Where),
		handoff.Write(p.RunDir.Resume(container, attempt), handoff.Resume{})
}

// breakpoint is where the latest attempt of a container holds, if it does.
func (p Place) breakpoint(container string) (handoff.Breakpoint, bool, error) {
	attempt, err := p.latest(container)
	if err != nil {
		return handoff.Breakpoint{}, false, err
	}
	return handoff.Look[handoff.Breakpoint](p.RunDir.Breakpoint(container, attempt))
}
