package shim

import (
	"errors"
	"flag"
	"fmt"
	"io"
	"log/slog"
	"slices"
	"strings"
	"time"

	"golang.org/x/sys/unix"

	"github.com/converged-computing/oras-operator/pkg/handoff"
)

// Options is everything that a shim can be told. There is no configuration but this.
type Options struct {
	Command   []string    // argument vector of the command, verbatim; the first is looked up in PATH
	ImageArgs int         // how many words of Command come from the container's image; of use to the operator alone
	Container string      // name of this container in its pod; empty: there is no hand-off
	RunDir    handoff.Dir // volume of the hand-off

	ReadyFile string // Ready record to wait for; empty: the one in RunDir
	EmptyDir  string // directory to empty before the command starts; empty: none
	DoneFile  string // where to leave the Done record; empty: the attempt's own in RunDir, where the sidecar looks
	NoWait    bool   // start the command at once
	NoHold    bool   // exit when the command ends
	StdoutTo  string // file that gets the command's standard output too; may hold placeholders; empty: none

	RestartPolicy  RestartPolicy // after which ends the container is started again
	DurableOutputs []string      // every output of this container, if all lie on volumes; they may hold placeholders

	Breakpoints Breakpoints // where to hold for a person
	DryRun      bool        // say what would be run, and run nothing

	Lend Lending // how the sidecar gets at this container's files

	StopSignal StopSignal // by which the container is told to stop

	WaitTimeout    time.Duration // for the inputs; 0: as long as the sidecar says
	PushTimeout    time.Duration // that the sidecar was given for pushing; the shim allows it a little more
	SidecarTimeout time.Duration // without a sidecar, until it is given up; 0: never
	GracePeriod    time.Duration // from StopSignal to SIGKILL of the command; 0: that is left to others
	LeftoverGrace  time.Duration // from SIGTERM to SIGKILL of what the command left behind
	StallTimeout   time.Duration // for a push that gets nowhere, once the container was told to stop; 0: no bound

	TerminationMessagePath string // file for the sentence that says what went wrong; never created
	Log                    LogOptions
}

// Defaults of the flags.
const (
	defaultPushTimeout    = time.Hour
	defaultSidecarTimeout = 10 * time.Minute
	defaultLeftoverGrace  = 5 * time.Second
	defaultStallTimeout   = 30 * time.Second
	// defaultTerminationMessagePath is Kubernetes' own, of Container.terminationMessagePath.
	defaultTerminationMessagePath = "/dev/termination-log"
)

// ErrVersion is returned by ParseOptions when the version was asked for; for help it returns flag.ErrHelp.
var ErrVersion = errors.New("version asked for")

// errNoCommand is the commonest mistake by hand.
var errNoCommand = errors.New("there is no command to run; put it after --, as in: shim --no-wait --no-hold -- echo hello")

// ParseOptions reads the arguments of a shim that wraps a command. What was read before a mistake is returned with it,
// so that the mistake can be reported where the options say.
func ParseOptions(args []string) (Options, error) {
	var opts Options
	var version bool
	own, command := args, []string(nil)
	if i := slices.Index(args, "--"); i >= 0 {
		own, command = args[:i], args[i+1:]
	}
	fs := opts.flagSet()
	fs.BoolVar(&version, "version", false, "")
	err := fs.Parse(own)
	opts.Command = command
	switch {
	case err != nil:
		return opts, err
	case version:
		return opts, ErrVersion
	case fs.NArg() > 0:
		return opts, fmt.Errorf("unexpected argument %q before --", fs.Arg(0))
	}
	return opts, opts.validate()
}

// flagSet returns the flags, which Usage explains. Parsing them fills o.
func (o *Options) flagSet() *flag.FlagSet {
	fs := flag.NewFlagSet("shim", flag.ContinueOnError)
	fs.SetOutput(io.Discard) // the caller reports mistakes once, in its own way
	fs.StringVar(&o.Container, "container", "", "")
	fs.StringVar((*string)(&o.RunDir), "run-dir", string(handoff.DefaultDir), "")
	fs.StringVar(&o.ReadyFile, "ready-file", "", "")
	fs.StringVar(&o.DoneFile, "done-file", "", "")
	fs.StringVar(&o.EmptyDir, "empty-dir", "", "")
	fs.IntVar(&o.ImageArgs, "image-args", 0, "")
	fs.BoolVar(&o.NoWait, "no-wait", false, "")
	fs.BoolVar(&o.NoHold, "no-hold", false, "")
	fs.StringVar(&o.StdoutTo, "stdout-to", "", "")
	fs.TextVar(&o.RestartPolicy, "restart-policy", RestartAlways, "")
	fs.Func("durable-output", "", func(path string) error {
		o.DurableOutputs = append(o.DurableOutputs, path)
		return nil
	})
	fs.TextVar(&o.Breakpoints, "breakpoint", Breakpoints{}, "")
	fs.BoolVar(&o.DryRun, "dry-run", false, "")
	fs.TextVar(&o.Lend, "lend", LendDescriptors, "")
	fs.TextVar(&o.StopSignal, "stop-signal", StopSignal(unix.SIGTERM), "")
	fs.DurationVar(&o.WaitTimeout, "wait-timeout", 0, "")
	fs.DurationVar(&o.PushTimeout, "push-timeout", defaultPushTimeout, "")
	fs.DurationVar(&o.SidecarTimeout, "sidecar-timeout", defaultSidecarTimeout, "")
	fs.DurationVar(&o.GracePeriod, "grace-period", 0, "")
	fs.DurationVar(&o.LeftoverGrace, "leftover-grace", defaultLeftoverGrace, "")
	fs.DurationVar(&o.StallTimeout, "stall-timeout", defaultStallTimeout, "")
	fs.StringVar(&o.TerminationMessagePath, "termination-message-path", defaultTerminationMessagePath, "")
	fs.TextVar(&o.Log.Level, "log-level", slog.LevelWarn, "")
	fs.StringVar(&o.Log.Format, "log-format", formatText, "")
	return fs
}

func (o *Options) validate() error {
	switch {
	case len(o.Command) == 0:
		return errNoCommand
	case o.detached() && (!o.NoWait || !o.NoHold):
		return errors.New("--container is required, except with both --no-wait and --no-hold")
	case o.ImageArgs < 0 || o.ImageArgs > len(o.Command):
		return fmt.Errorf("--image-args=%d: the command has %d words", o.ImageArgs, len(o.Command))
	case strings.ContainsRune(o.Container, '/') || o.Container == "." || o.Container == "..":
		return fmt.Errorf("--container=%s is not the name of a container", o.Container)
	case o.detached() && o.Breakpoints != (Breakpoints{}):
		return errors.New("--breakpoint takes --container and --run-dir, where shim resume finds what holds")
	case o.Log.Format != formatText && o.Log.Format != formatJSON:
		return fmt.Errorf("--log-format=%s is neither %s nor %s", o.Log.Format, formatText, formatJSON)
	}
	return o.validateDurations()
}

func (o *Options) validateDurations() error {
	for name, d := range map[string]time.Duration{
		"wait-timeout":    o.WaitTimeout,
		"push-timeout":    o.PushTimeout,
		"sidecar-timeout": o.SidecarTimeout,
		"grace-period":    o.GracePeriod,
		"leftover-grace":  o.LeftoverGrace,
		"stall-timeout":   o.StallTimeout,
	} {
		if d < 0 {
			return fmt.Errorf("--%s=%s is negative", name, d)
		}
	}
	return nil
}

// detached tells whether there is no hand-off at all: no sidecar to speak to, no volume to write to.
func (o *Options) detached() bool { return o.Container == "" }
