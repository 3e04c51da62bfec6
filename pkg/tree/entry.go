package tree

import (
	"io/fs"
	"time"
)

// Type says what an [Entry] is.
type Type string

// The types of entries. Devices, FIFOs and sockets have none: they are never part of a tree.
const (
	File     Type = "file"
	Dir      Type = "dir"
	Symlink  Type = "symlink"
	Hardlink Type = "hardlink" // a further name of a file that comes earlier in the tree
)

// Entry is one name in a tree.
type Entry struct {
	Path Path `json:"path"`
	Type Type `json:"type"`
	// Mode holds permission bits as on disk, at most 07777. [Writer] drops setuid, setgid and sticky.
	Mode uint32 `json:"mode,omitempty"`
	// ModTime has nanoseconds and may be before 1970. [List] returns it in UTC, within the years 1 to 9999, which is
	// what JSON can hold. The zero time means unknown.
	ModTime time.Time `json:"mtime,omitzero"`
	// Size is the number of bytes in a regular file, and 0 for all else.
	Size int64 `json:"size,omitempty"`
	// Link is the text of a symlink, or the path of the file that a hard link shares its content with.
	Link Path `json:"link,omitempty"`

	// Identity, for telling whether something changed. It never becomes part of an artifact.
	Dev   uint64    `json:"dev,omitempty"`
	Ino   uint64    `json:"ino,omitempty"`
	Ctime time.Time `json:"ctime,omitzero"`
}

// SameFile reports whether a and b are the same state of the same file: nothing was written to it in between, as far as
// size, times and inode can tell.
func SameFile(a, b Entry) bool {
	return a.Dev == b.Dev && a.Ino == b.Ino && a.Size == b.Size && a.ModTime.Equal(b.ModTime) && a.Ctime.Equal(b.Ctime)
}

// permissions are the bits of a mode that a tree writes.
const permissions = 0o777

func perm(mode uint32) fs.FileMode { return fs.FileMode(mode & permissions) }

// shared widens a mode so that every user may read and write, and search or execute where anyone may.
func shared(mode uint32, dir bool) uint32 {
	mode |= 0o666
	if dir || mode&0o111 != 0 {
		mode |= 0o111
	}
	return mode
}
