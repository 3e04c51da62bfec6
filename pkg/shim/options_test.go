package shim

import (
	"flag"
	"log/slog"
	"regexp"
	"strings"
	"syscall"
	"testing"
	"time"

	"golang.org/x/sys/unix"
	"gotest.tools/v3/assert"
	"gotest.tools/v3/assert/cmp"
)

func TestEverythingAfterTheFirstDoubleDashIsTheCommand(t *testing.T) {
	opts, err := ParseOptions([]string{"--container=app", "--", "echo", "--no-wait", "--", "", "--help"})
	assert.NilError(t, err)
	assert.DeepEqual(t, opts.Command, []string{"echo", "--no-wait", "--", "", "--help"})
	assert.Assert(t, !opts.NoWait)
}

func TestFlagsThatAreNotGivenHaveTheirDocumentedDefaults(t *testing.T) {
	opts, err := ParseOptions([]string{"--container=app", "--", "true"})
	assert.NilError(t, err)
	assert.DeepEqual(t, opts, Options{
		Command:                []string{"true"},
		Container:              "app",
		RunDir:                 "/oras/run",
		Lend:                   "descriptors",
		StopSignal:             StopSignal(unix.SIGTERM),
		PushTimeout:            time.Hour,
		SidecarTimeout:         10 * time.Minute,
		LeftoverGrace:          5 * time.Second,
		StallTimeout:           30 * time.Second,
		RestartPolicy:          RestartAlways,
		TerminationMessagePath: "/dev/termination-log",
		Log:                    LogOptions{Level: slog.LevelWarn, Format: "text"},
	})
}

func TestWrongFlagsAreRefusedWithTheirRemedy(t *testing.T) {
	tests := map[string]struct {
		args string
		want string
	}{
		"no command":                        {"--container=app", "put it after --"},
		"a command without the double dash": {"--container=app echo hello", `unexpected argument "echo" before --`},
		"a double dash with nothing after":  {"--container=app --", "put it after --"},
		"an unknown flag":                   {"--no-such-flag -- true", "no-such-flag"},
		"no container":                      {"-- true", "--container is required"},
		"no container though no wait":       {"--no-wait -- true", "--container is required"},
		"a container that leads elsewhere":  {"--container=../other -- true", "not the name of a container"},
		"a container that is the parent":    {"--container=.. -- true", "not the name of a container"},
		"a negative duration":               {"--container=app --push-timeout=-1s -- true", "--push-timeout=-1s is negative"},
		"a duration without a unit":         {"--container=app --push-timeout=10 -- true", "push-timeout"},
		"an unknown breakpoint":             {"--container=app --breakpoint=before,now -- true", `"now" is none of before, after and on-failure`},
		"a breakpoint without a hand-off":   {"--no-wait --no-hold --breakpoint=before -- true", "--breakpoint takes --container"},
		"an unknown restart policy":         {"--container=app --restart-policy=never -- true", `"never" is none of`},
		"an unknown log level":              {"--container=app --log-level=loud -- true", "log-level"},
		"an unknown way to lend":            {"--container=app --lend=copies -- true", "neither descriptors nor bytes"},
		"an unknown signal":                 {"--container=app --stop-signal=TERM -- true", `"TERM" is no signal`},
		"a signal beyond the last":          {"--container=app --stop-signal=SIGRTMIN+31 -- true", "is no signal"},
		"a signal below the first":          {"--container=app --stop-signal=SIGRTMAX-31 -- true", "is no signal"},
		"a distance that is no number":      {"--container=app --stop-signal=SIGRTMIN-1 -- true", "is no signal"},
		"an unknown log format":             {"--container=app --log-format=xml -- true", "neither text nor json"},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			_, err := ParseOptions(strings.Fields(test.args))
			assert.ErrorContains(t, err, test.want)
		})
	}
}

// Kubernetes takes every name there is.
func TestE23EveryNameThatKubernetesHasForASignalIsTaken(t *testing.T) {
	for name, want := range map[string]syscall.Signal{
		"SIGTERM": unix.SIGTERM, "SIGUSR1": unix.SIGUSR1, "SIGPWR": unix.SIGPWR, "SIGSTKFLT": unix.SIGSTKFLT, "SIGKILL": unix.SIGKILL,
		"SIGCLD": unix.SIGCHLD, "SIGIOT": unix.SIGABRT, "SIGPOLL": unix.SIGIO,
		"SIGRTMIN": 34, "SIGRTMIN+15": 49, "SIGRTMAX-14": 50, "SIGRTMAX": 64,
	} {
		opts, err := ParseOptions([]string{"--container=app", "--stop-signal=" + name, "--", "true"})
		assert.NilError(t, err, name)
		assert.Equal(t, opts.StopSignal, StopSignal(want), name)
		text, err := opts.StopSignal.MarshalText()
		assert.NilError(t, err)
		var again StopSignal
		assert.NilError(t, again.UnmarshalText(text), "%s", text)
		assert.Equal(t, again, opts.StopSignal, "%s", text)
	}
}

func TestHelpAndVersionNeedNoCommand(t *testing.T) {
	_, err := ParseOptions([]string{"--help"})
	assert.ErrorIs(t, err, flag.ErrHelp)
	_, err = ParseOptions([]string{"--version"})
	assert.ErrorIs(t, err, ErrVersion)
}

func TestUsageExplainsEveryFlagAndNoOther(t *testing.T) {
	var opts Options
	known := map[string]bool{"help": true, "version": true}
	opts.flagSet().VisitAll(func(f *flag.Flag) {
		known[f.Name] = true
		assert.Check(t, strings.Contains(Usage, "\n  --"+f.Name), "--%s is not in the usage", f.Name)
	})
	for _, match := range regexp.MustCompile(`(?m)^  --([a-z-]+)`).FindAllStringSubmatch(Usage, -1) {
		assert.Check(t, known[match[1]], "--%s is in the usage, but no flag", match[1])
	}
}

func TestInstallTakesItsDirectoryBeforeOrAfterTheFlags(t *testing.T) {
	want := Installation{BinDir: "/bin/dir", RunDir: "/run/dir", Containers: []string{"a", "b"}}
	for _, args := range []string{
		"/bin/dir --run-dir=/run/dir --container=a --container=b",
		"--run-dir=/run/dir --container=a --container=b /bin/dir",
	} {
		got, err := ParseInstallation(strings.Fields(args))
		assert.NilError(t, err)
		assert.Check(t, cmp.DeepEqual(got, want))
	}
}

func TestWrongArgumentsOfInstallAreRefused(t *testing.T) {
	tests := map[string]struct {
		args string
		want string
	}{
		"no directory":                     {"--container=a", "takes the directory"},
		"two directories":                  {"/one /two", `unexpected argument "/two"`},
		"a container that leads elsewhere": {"/bin/dir --container=../a", "not the name of a container"},
		"an unknown flag":                  {"/bin/dir --force", "force"},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			_, err := ParseInstallation(strings.Fields(test.args))
			assert.ErrorContains(t, err, test.want)
		})
	}
}
