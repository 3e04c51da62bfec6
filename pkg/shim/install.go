package shim

import (
	"errors"
	"flag"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"golang.org/x/sys/unix"

	"github.com/converged-computing/oras-operator/pkg/handoff"
)

// Installation is what shim install puts in place.
type Installation struct {
	BinDir     string      // where the shim goes
	RunDir     handoff.Dir // volume of the hand-off
	Containers []string    // that will be wrapped
}

// ParseInstallation reads the arguments that follow shim install.
func ParseInstallation(args []string) (Installation, error) {
	var in Installation
	set := flag.NewFlagSet("shim install", flag.ContinueOnError)
	set.SetOutput(io.Discard) // the caller reports mistakes once, in its own way
	set.StringVar((*string)(&in.RunDir), "run-dir", string(handoff.DefaultDir), "")
	set.Func("container", "", func(name string) error {
		if name == "" || name == "." || name == ".." || strings.ContainsRune(name, '/') {
			return fmt.Errorf("%q is not the name of a container", name)
		}
		in.Containers = append(in.Containers, name)
		return nil
	})
	if len(args) > 0 && !strings.HasPrefix(args[0], "-") {
		in.BinDir, args = args[0], args[1:] // flags follow the directory
	}
	if err := set.Parse(args); err != nil {
		return in, err
	}
	switch rest := set.Args(); {
	case in.BinDir == "" && len(rest) == 1:
		in.BinDir = rest[0]
	case in.BinDir == "":
		return in, errors.New("shim install takes the directory to install into")
	case len(rest) > 0:
		return in, fmt.Errorf("unexpected argument %q", rest[0])
	}
	return in, nil
}

// Install puts the running executable and the directories of the hand-off in place, over those of an earlier run. It
// ends by executing the copy, since a volume may be mounted noexec.
func (in Installation) Install() error {
	if err := in.makeDirs(); err != nil {
		return fmt.Errorf("making the directories of the hand-off: %w", err)
	}
	file, err := installExecutable(in.BinDir)
	if err != nil {
		return fmt.Errorf("installing the shim in %s: %w", in.BinDir, err)
	}
	return tryOut(file)
}

// makeDirs makes the sidecar's directory and, writable for all since the user of an image is not known, one for each
// container.
func (in Installation) makeDirs() error {
	if err := ensureDir(in.RunDir.Sidecar(), 0o755); err != nil {
		return err
	}
	for _, name := range in.Containers {
		if err := ensureDir(in.RunDir.App(name), 0o777); err != nil {
			return err
		}
	}
	return nil
}

// ensureDir makes a directory with its parents, mode whatever the umask.
func ensureDir(path string, mode fs.FileMode) error {
	if err := os.MkdirAll(path, 0o755); err != nil {
		return err
	}
	info, err := os.Stat(path)
	if err == nil && info.Mode().Perm() == mode {
		return nil // perhaps another user's, from an earlier run
	}
	return os.Chmod(path, mode)
}

// installExecutable copies the running executable to dir. The rename replaces a shim that is being executed, which
// cannot be written to.
func installExecutable(dir string) (string, error) {
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return "", err
	}
	self, err := os.Open("/proc/self/exe")
	if err != nil {
		return "", err
	}
	defer self.Close() //nolint:errcheck // only read from
	tmp, err := os.CreateTemp(dir, ".shim-")
	if err != nil {
		return "", err
	}
	defer os.Remove(tmp.Name()) //nolint:errcheck // gone after the rename
	_, err = io.Copy(tmp, self)
	if err := errors.Join(err, tmp.Chmod(0o555), tmp.Close()); err != nil {
		return "", err
	}
	file := filepath.Join(dir, "shim")
	return file, os.Rename(tmp.Name(), file)
}

// tryOut executes the installed shim.
func tryOut(file string) error {
	proc, err := os.StartProcess(file, []string{file, "--version"}, &os.ProcAttr{})
	if errors.Is(err, unix.EACCES) {
		return fmt.Errorf("executing %s: %w: is its volume mounted noexec?", file, err)
	}
	if err != nil {
		return fmt.Errorf("executing %s: %w", file, err)
	}
	state, err := proc.Wait()
	if err != nil {
		return fmt.Errorf("executing %s: %w", file, err)
	}
	if !state.Success() {
		return fmt.Errorf("executing %s: %s", file, state)
	}
	return nil
}
