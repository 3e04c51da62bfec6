package shim

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"golang.org/x/sys/unix"

	"github.com/converged-computing/oras-operator/pkg/handoff"
)

// defaultPath is searched where PATH is not set. It is what containerd gives a container whose image sets none
// (oci.WithDefaultPathEnv).
const defaultPath = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"

// lookUp finds the file to execute as a shell does: a name with a slash is taken as it is, another is looked up in the
// directories of path, the empty one being the working directory. A file that may not be executed does not hide one
// further on.
func lookUp(name, path string) (string, *ending) {
	if strings.ContainsRune(name, '/') {
		return name, nil // what is wrong with it, exec says
	}
	var refused error
	for dir := range strings.SplitSeq(path, ":") {
		if name == "" {
			break
		}
		file := inDir(dir, name)
		switch err := executable(file); {
		case err == nil:
			return file, nil
		case !absent(err) && refused == nil:
			refused = fmt.Errorf("%s: %w", file, err)
		}
	}
	if refused != nil {
		return "", endf(handoff.ExitNotExecutable, "The command %q cannot be executed: %v.", name, refused)
	}
	return "", endf(handoff.ExitNotFound, "The command %q was not found in PATH (%s).", name, path)
}

// inDir is the name in a directory of PATH, with a slash in any case.
func inDir(dir, name string) string {
	if dir == "" {
		dir = "."
	}
	if !filepath.IsAbs(dir) {
		return "./" + filepath.Join(dir, name)
	}
	return filepath.Join(dir, name)
}

// executable returns why a file cannot be executed by this user, as far as that can be seen beforehand.
func executable(file string) error {
	info, err := os.Stat(file)
	switch {
	case err != nil:
		return err
	case info.IsDir():
		return unix.EISDIR
	case !info.Mode().IsRegular():
		return unix.EACCES
	}
	return unix.Faccessat(unix.AT_FDCWD, file, unix.X_OK, unix.AT_EACCESS)
}

func absent(err error) bool {
	return errors.Is(err, fs.ErrNotExist) || errors.Is(err, unix.ENOTDIR)
}

// unstartable is the ending of a command whose file could not be executed.
func unstartable(name, file string, err error) *ending {
	info, statErr := os.Stat(file)
	switch {
	case statErr == nil && info.IsDir():
		return endf(handoff.ExitNotExecutable, "The command %q cannot be executed: it is a directory.", name)
	case statErr == nil && errors.Is(err, unix.ENOENT):
		return endf(handoff.ExitNotFound, "The command %q is there, but not the interpreter or loader that it names.", name)
	case absent(err):
		return endf(handoff.ExitNotFound, "The command %q was not found.", name)
	case errors.Is(err, unix.ENOEXEC):
		return endf(handoff.ExitNotExecutable,
			"The command %q cannot be executed: it is neither a program for this machine nor a script with a #! line.", name)
	}
	return endf(handoff.ExitNotExecutable, "The command %q cannot be executed: %v.", name, err)
}
