package plan

import (
	"path"
	"strings"
	"unicode"
)

// reserved is the directory of the operator's own mounts in a container, and outDir the one that commands may write to.
// They are fixed by package handoff, which this package does not import.
const (
	reserved = "/oras"
	outDir   = "/oras/out"
)

// maxPath bounds a path, in bytes: PATH_MAX of Linux without its closing zero.
const maxPath = 4095

// cleanInputPath checks the place of an input and returns it clean: absolute, or relative to the working directory,
// which itself is "".
func (r *reader) cleanInputPath(key, value string) string {
	clean := path.Clean(value)
	switch {
	case !r.isPath(key, value):
	case hasParent(clean):
		r.add(key, value, "leaves the working directory; write an absolute path")
	case clean == "/" || within(clean, "/etc") || within(clean, "/proc") || within(clean, "/sys") || within(clean, "/dev"):
		r.add(key, value, "belongs to the system, and an input there would hide what programs need; choose another directory, such as /data")
	case within(clean, reserved):
		r.add(key, value, "belongs to the operator; choose a directory that is not below %s", reserved)
	case clean == ".":
	default:
		return clean
	}
	return ""
}

// cleanOutputPath checks what is to be pushed and returns it clean. The working directory itself is ".".
func (r *reader) cleanOutputPath(key, value string) string {
	clean := path.Clean(value)
	switch {
	case !r.isPath(key, value):
	case strings.ContainsAny(value, "*?["):
		r.add(key, value, "is a pattern: this version does not support patterns yet; name a file or a directory")
	case within(clean, reserved) && !within(clean, outDir):
		r.add(key, value, "belongs to the operator; choose a path that is not below %s, or leave the key out and write to $ORAS_OUTPUT_PATH", reserved)
	default:
		return clean
	}
	return ""
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

// within tells whether the clean path p is dir or below it.
func within(p, dir string) bool { return p == dir || strings.HasPrefix(p, dir+"/") }

func hasParent(clean string) bool { return within(clean, "..") }
