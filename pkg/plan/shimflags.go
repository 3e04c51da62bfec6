package plan

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/converged-computing/oras-operator/pkg/apis/v1alpha1"
)

// shimFlag is a flag of the shim that users may set.
type shimFlag struct {
	name  string
	bare  bool                     // stands alone, without a value
	check func(value string) error // says what is wrong with a value, and what to write
	warns string                   // what becomes untrue of the step; empty: nothing
}

// allowedFlags are the shim's flags for debugging and its bounds. What ties the shim to its pod is the operator's.
func allowedFlags() []shimFlag {
	const unpushed = "exit code 0 of the step then does not mean that its outputs are in the registry"
	return []shimFlag{
		{name: "log-level", check: oneOf("debug", "info", "warn", "error")},
		{name: "log-format", check: oneOf("text", "json")},
		{name: "breakpoint", check: someOf("before", "after", "on-failure")},
		{name: "dry-run", bare: true, check: isBool, warns: unpushed},
		{name: stdoutFlag},
		{name: noWaitFlag, bare: true, check: isBool},
		{name: "no-hold", bare: true, check: isBool, warns: unpushed},
		{name: "wait-timeout", check: isBound},
		{name: "push-timeout", check: isBound},
		{name: "sidecar-timeout", check: isBound},
		{name: "grace-period", check: isBound},
		{name: "leftover-grace", check: isBound},
		{name: "stall-timeout", check: isBound},
		{name: "lend", check: oneOf("descriptors", "bytes")},
	}
}

const (
	stdoutFlag = "stdout-to" // its value is a path, in which there may be placeholders
	noWaitFlag = "no-wait"
)

// shimFlags reads flags as a shell would take them apart, and returns each as one argument, --name=value or --name.
func (r *reader) shimFlags() []string {
	value, ok := r.one(v1alpha1.KeyShimFlags)
	if !ok {
		return nil
	}
	args, err := words(value)
	if err != nil {
		r.add(v1alpha1.KeyShimFlags, value, "cannot be taken apart: %v", err)
		return nil
	}
	var flags []string
	for len(args) > 0 {
		flag, rest, err := r.shimFlag(args)
		if err != nil {
			r.add(v1alpha1.KeyShimFlags, value, "%v", err)
			return nil
		}
		flags, args = append(flags, flag), rest
	}
	return flags
}

// shimFlag reads the first flag of args, whose value may be an argument of its own, and returns what is left of them.
func (r *reader) shimFlag(args []string) (string, []string, error) {
	name, value, given := strings.Cut(strings.TrimPrefix(strings.TrimPrefix(args[0], "-"), "-"), "=")
	all := allowedFlags()
	i := slices.IndexFunc(all, func(f shimFlag) bool { return f.name == name })
	switch {
	case !strings.HasPrefix(args[0], "-"):
		return "", nil, fmt.Errorf("holds %q, which is no flag; write --name=value", args[0])
	case i < 0:
		return "", nil, fmt.Errorf("holds %s, which only the operator may set, or is none at all; there are %s", args[0], flagNames(all))
	}
	flag, rest := all[i], args[1:]
	switch {
	case flag.bare && !given:
		value = "true"
	case !given && len(rest) == 0, given && value == "":
		return "", nil, fmt.Errorf("holds --%s without a value; write --%s=value", name, name)
	case !given:
		value, rest = rest[0], rest[1:]
	}
	if name == stdoutFlag {
		return "--" + name + "=" + r.cleanPipe(v1alpha1.KeyShimFlags, value), rest, nil
	}
	if err := flag.check(value); err != nil {
		return "", nil, fmt.Errorf("holds --%s=%s, and %w", name, value, err)
	}
	if flag.warns != "" && value == "true" {
		r.warnings = append(r.warnings, fmt.Sprintf("%s: with --%s, %s", v1alpha1.KeyShimFlags, name, flag.warns))
	}
	return "--" + name + "=" + value, rest, nil
}

func flagNames(flags []shimFlag) string {
	list := make([]string, len(flags))
	for i, f := range flags {
		list[i] = "--" + f.name
	}
	return strings.Join(list, ", ")
}

func oneOf(words ...string) func(string) error {
	return func(value string) error {
		if slices.Contains(words, value) {
			return nil
		}
		return fmt.Errorf("%q is not one of %s; write one of them", value, strings.Join(words, ", "))
	}
}

// someOf is oneOf for a list with commas.
func someOf(words ...string) func(string) error {
	one := oneOf(words...)
	return func(value string) error {
		for part := range strings.SplitSeq(value, ",") {
			if err := one(part); err != nil {
				return err
			}
		}
		return nil
	}
}

func isBool(value string) error {
	if value == "true" || value == "false" {
		return nil
	}
	return errors.New("the flag is true or false; leave the value out for true")
}

func isBound(value string) error {
	if d, err := time.ParseDuration(value); err != nil || d < 0 {
		return errors.New("that is no duration of zero or more; write a number with a unit (s, m or h), such as 10m")
	}
	return nil
}
