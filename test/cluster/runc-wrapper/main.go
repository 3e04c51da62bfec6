// Command runc-wrapper stands in for runc on a machine whose root lacks
// CAP_SYS_RESOURCE (many virtual machines and containers). There runc cannot
// give a privileged container that capability, nor lower an OOM score, and
// fails; the wrapper takes both requests out of what runc is about to read and
// then becomes runc. With the capability present it leaves them as they are.
//
// It runs the first other program called runc on PATH.
package main

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"syscall"
)

// capSysResource is CAP_SYS_RESOURCE's bit, from linux/capability.h.
const capSysResource = 24

func main() {
	if err := run(os.Args[1:]); err != nil {
		fmt.Fprintf(os.Stderr, "runc-wrapper: %v\n", err)
		os.Exit(1)
	}
}

func run(args []string) error {
	lacking, err := lacksSysResource()
	if err != nil {
		return err
	}
	if lacking {
		if err := relax(args); err != nil {
			return err
		}
	}
	runc, err := realRunc()
	if err != nil {
		return err
	}
	return syscall.Exec(runc, append([]string{"runc"}, args...), frugal())
}

// frugal is the environment for a runc that lives for some milliseconds, as many do for each container: with one processor, and
// without a collection of garbage. No container gets it.
func frugal() []string {
	others := slices.DeleteFunc(os.Environ(), func(v string) bool { // a program of Go heeds the first of a name
		return strings.HasPrefix(v, "GOGC=") || strings.HasPrefix(v, "GOMAXPROCS=")
	})
	return append(others, "GOGC=off", "GOMAXPROCS=1")
}

func lacksSysResource() (bool, error) {
	status, err := os.ReadFile("/proc/self/status")
	if err != nil {
		return false, err
	}
	for line := range strings.Lines(string(status)) {
		if value, ok := strings.CutPrefix(line, "CapEff:"); ok {
			caps, err := strconv.ParseUint(strings.TrimSpace(value), 16, 64)
			return caps&(1<<capSysResource) == 0, err
		}
	}
	return false, errors.New("/proc/self/status names no CapEff")
}

// relax edits the file that the subcommand in args will read its process from:
// the bundle's config.json for create and run, the file of --process for exec.
func relax(args []string) error {
	switch {
	case slices.Contains(args, "create"), slices.Contains(args, "run"):
		bundle := flag(args, "--bundle", "-b")
		return edit(filepath.Join(bundle, "config.json"), func(spec map[string]any) {
			if process, ok := spec["process"].(map[string]any); ok {
				relaxProcess(process)
			}
		})
	case slices.Contains(args, "exec"):
		if file := flag(args, "--process", "-p"); file != "" {
			return edit(file, relaxProcess)
		}
	}
	return nil
}

func relaxProcess(process map[string]any) {
	delete(process, "oomScoreAdj")
	sets, _ := process["capabilities"].(map[string]any)
	for name, set := range sets {
		caps, _ := set.([]any)
		sets[name] = slices.DeleteFunc(caps, func(c any) bool { return c == "CAP_SYS_RESOURCE" })
	}
}

// flag returns the value of the flag called long or short, or "".
func flag(args []string, long, short string) string {
	for i, arg := range args {
		if (arg == long || arg == short) && i+1 < len(args) {
			return args[i+1]
		}
		if value, ok := strings.CutPrefix(arg, long+"="); ok {
			return value
		}
	}
	return ""
}

func edit(path string, change func(map[string]any)) error {
	data, err := os.ReadFile(path)
	if err != nil {
		return err
	}
	// Numbers stay as they are written: a limit of 2^63-1 is no float64.
	decoder := json.NewDecoder(bytes.NewReader(data))
	decoder.UseNumber()
	var object map[string]any
	if err := decoder.Decode(&object); err != nil {
		return fmt.Errorf("reading %s: %w", path, err)
	}
	change(object)
	if data, err = json.Marshal(object); err != nil {
		return err
	}
	return os.WriteFile(path, data, 0o600)
}

func realRunc() (string, error) {
	self, err := os.Stat("/proc/self/exe")
	if err != nil {
		return "", err
	}
	for _, dir := range filepath.SplitList(os.Getenv("PATH")) {
		path := filepath.Join(dir, "runc")
		info, err := os.Stat(path)
		if err == nil && info.Mode()&0o111 != 0 && !os.SameFile(info, self) {
			return path, nil
		}
	}
	return "", errors.New("no runc on PATH")
}
