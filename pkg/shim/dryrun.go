package shim

import (
	"fmt"
	"io"
	"os"
	"strings"
	"time"
)

// DryRun writes what a shim with these options would do, and does none of it. It returns the exit code: 0, or that of a
// command that could not be started.
func DryRun(opts Options, w io.Writer, stderr *os.File) int {
	path, set := os.LookupEnv("PATH")
	if !set {
		path = defaultPath
	}
	file, end := lookUp(opts.Command[0], path)
	if end == nil {
		if err := executable(file); err != nil {
			end = unstartable(opts.Command[0], file, err)
		}
	}
	if end != nil {
		return conclude(end, Options{}, newLogger(opts.Log, carefulFile{stderr}))
	}
	dir, err := os.Getwd()
	if err != nil {
		dir = "(gone)"
	}
	var b strings.Builder
	section(&b, "runs", []string{file})
	section(&b, "as", []string{quoted(opts.Command)})
	section(&b, "in", []string{dir})
	section(&b, "first", opts.before())
	section(&b, "then", opts.after())
	if _, err := io.WriteString(w, b.String()); err != nil {
		return 1
	}
	return 0
}

// before lists what comes before the command.
func (o *Options) before() []string {
	var steps []string
	switch {
	case o.NoWait:
		steps = append(steps, "does not wait for inputs")
	case o.ReadyFile != "":
		steps = append(steps, "waits for "+o.ReadyFile+bound(o.WaitTimeout))
	default:
		steps = append(steps, "waits for "+o.RunDir.Ready()+bound(o.WaitTimeout))
		steps = append(steps, "adds ORAS_ARTIFACT_<N>, the reference by digest of input N, to the environment")
	}
	if o.Breakpoints.Before {
		steps = append(steps, "holds for a person")
	}
	if o.EmptyDir != "" {
		steps = append(steps, "empties "+o.EmptyDir)
	}
	if o.StdoutTo != "" {
		steps = append(steps, "copies the standard output to "+o.StdoutTo)
	}
	return steps
}

// after lists what comes after the command.
func (o *Options) after() []string {
	var steps []string
	switch {
	case o.Breakpoints.After:
		steps = append(steps, "holds for a person")
	case o.Breakpoints.OnFailure:
		steps = append(steps, "holds for a person if the command has failed")
	}
	switch {
	case o.DoneFile != "":
		steps = append(steps, "records the end in "+o.DoneFile)
	case !o.detached():
		steps = append(steps, "records the end in "+o.RunDir.App(o.Container))
	}
	if o.NoHold {
		return append(steps, "ends at once")
	}
	return append(steps, "holds until the outputs are pushed"+bound(o.PushTimeout))
}

func bound(d time.Duration) string {
	if d == 0 {
		return ""
	}
	return fmt.Sprintf(", %s at most", d)
}
