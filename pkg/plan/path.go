package plan

import (
	"path"
	"slices"
	"strings"
	"unicode"

	"github.com/converged-computing/oras-operator/pkg/placeholder"
)

// reserved is the directory of the operator's own mounts in a container, and outDir the one that commands may write to.
// They are fixed by package handoff, which this package does not import.
const (
	reserved = "/oras"
	outDir   = "/oras/out"
)

// maxPath bounds a path, in bytes: PATH_MAX of Linux without its closing zero.
const maxPath = 4095

// ofSystem tells whether a directory is one in which, or at which, the kernel, the kubelet and the loader of programs have
// theirs: below /usr and the like, users have their own.
func ofSystem(dir string) bool {
	for _, top := range []string{"/etc", "/proc", "/sys", "/dev", "/run/secrets", "/var/run/secrets"} {
		if Within(dir, top) {
			return true
		}
	}
	return slices.Contains([]string{
		"/", "/bin", "/boot", "/lib", "/lib32", "/lib64", "/run", "/sbin", "/usr", "/usr/bin", "/usr/lib", "/usr/lib32", "/usr/lib64",
		"/usr/sbin", "/var", "/var/run",
	}, dir)
}

// cleanInputPath checks the place of an input and returns it clean: absolute, or relative to the working directory,
// which itself is "". An absolute one has no placeholder in its first part, so that a volume can be mounted there.
func (r *reader) cleanInputPath(key, value string) string {
	sample, ok := r.inputSample(key, value)
	if !ok {
		return ""
	}
	clean := path.Clean(sample)
	switch {
	case !r.isPath(key, value):
	case hasParent(clean):
		r.add(key, value, "leaves the working directory; write an absolute path")
	case ofSystem(clean):
		r.add(key, value, "belongs to the system, and an input there would hide what programs need; choose another directory, such as /data")
	case Within(clean, reserved):
		r.add(key, value, "belongs to the operator; choose a directory that is not below %s", reserved)
	case variesAtOnce(path.Clean(value)):
		r.add(key, value, "begins with a placeholder, and an input there could hide what programs need; begin with a directory, such as /data/{pod}")
	case clean == ".":
	default:
		return path.Clean(value)
	}
	return ""
}

// variesAtOnce tells whether the first part of an absolute path holds a placeholder.
func variesAtOnce(clean string) bool {
	first, _, _ := strings.Cut(strings.TrimPrefix(clean, "/"), "/")
	return path.IsAbs(clean) && len(placeholder.In(first)) > 0
}

// cleanOutputPath checks what is to be pushed and returns it clean: a path, or a pattern in the syntax of path.Match.
// The working directory itself is ".".
func (r *reader) cleanOutputPath(key, value string) string {
	sample, ok := r.sample(key, value)
	if !ok {
		return ""
	}
	_, err := path.Match(path.Clean(sample), "")
	switch {
	case !r.isPath(key, value):
	case !r.isUsersOwn(key, value, path.Clean(sample)):
	case strings.Contains(value, "**"):
		r.add(key, value, "holds **, which is not supported; a * matches within one directory, and a matched directory is pushed with all that is in it")
	case strings.ContainsAny(sample, "*?[") && err != nil:
		r.add(key, value, `is no valid pattern; close each [ with a ], or write \[ for the character itself`)
	default:
		return path.Clean(value)
	}
	return ""
}

// cleanPipe checks the file that standard output is written to and returns it clean.
func (r *reader) cleanPipe(key, value string) string {
	sample, ok := r.sample(key, value)
	if !ok {
		return ""
	}
	clean := path.Clean(sample)
	switch {
	case !r.isPath(key, value):
	case !r.isUsersOwn(key, value, clean):
	case strings.HasSuffix(value, "/") || clean == "." || clean == ".." || strings.HasSuffix(clean, "/..") || clean == outDir:
		r.add(key, value, "is a directory; name a file in it, such as log.txt")
	default:
		return path.Clean(value)
	}
	return ""
}

func (r *reader) isUsersOwn(key, value, clean string) bool {
	own := !Within(clean, reserved) || Within(clean, outDir)
	if !own {
		r.add(key, value, "belongs to the operator; choose a path that is not below %s, or one below %s", reserved, outDir)
	}
	return own
}

func (r *reader) isPath(key, value string) bool {
	switch {
	case len(value) > maxPath:
		r.add(key, value[:32]+"…", "has %d bytes; a path has at most %d", len(value), maxPath)
	case strings.ContainsFunc(value, unicode.IsControl):
		r.add(key, value, "holds a line break or another control character; write the path on one line")
	case strings.TrimSpace(value) != value:
		r.add(key, value, "begins or ends with a space; remove it")
	default:
		return true
	}
	return false
}

// Within tells whether the clean path p is dir or below it.
func Within(p, dir string) bool {
	return p == dir || strings.HasPrefix(p, strings.TrimSuffix(dir, "/")+"/")
}

func hasParent(clean string) bool { return Within(clean, "..") }
