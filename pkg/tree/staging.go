package tree

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"math/rand/v2"
	"os"
	"strings"

	"golang.org/x/sys/unix"
)

// A staging directory is named by a prefix and 16 hexadecimal digits, of the tree or else at random, lies directly in its target, and is locked (flock)
// by the writer that uses it. One that nobody locks was left behind by a writer that died.
const (
	stagingPrefix = ".oras-staging-"
	stagingDigits = 16
)

// isStaging reports whether p is where a writer stages.
func isStaging(p Path) bool {
	digits, ok := strings.CutPrefix(string(p), stagingPrefix)
	return ok && len(digits) == stagingDigits && strings.Trim(digits, "0123456789abcdef") == ""
}

// staging is a staging directory that is ours as long as it is open.
type staging struct {
	*os.Root
	name string
	lock *os.File
}

// stage makes a staging directory in target and removes those that dead writers left there. What one has left under the
// same name is returned instead, as ours.
func stage(target *os.Root, resume string) (now, before *staging, err error) {
	name := resumeName(resume)
	if before, err = takeStale(target, name); err != nil {
		return nil, nil, err
	}
	removeStale(target)
	const attempts = 10
	for range attempts {
		if name == "" {
			name = randomName()
		}
		now, err = tryStage(target, name)
		if !errors.Is(err, fs.ErrExist) && !errors.Is(err, unix.EWOULDBLOCK) {
			return now, before, err
		}
		name = "" // another writer of the same tree is at work
	}
	return nil, before, fmt.Errorf("no name is free: %w", fs.ErrExist)
}

func randomName() string { return fmt.Sprintf("%s%0*x", stagingPrefix, stagingDigits, rand.Uint64()) }

// resumeName is the name of the staging directory of a tree that has a name.
func resumeName(resume string) string {
	if len(resume) < stagingDigits {
		return ""
	}
	if name := stagingPrefix + resume[:stagingDigits]; isStaging(Path(name)) {
		return name
	}
	return ""
}

// takeStale makes a staging directory that a dead writer left ours, under another name. It is nil if there is none.
func takeStale(target *os.Root, name string) (*staging, error) {
	if name == "" {
		return nil, nil //nolint:nilnil // there is none
	}
	if _, err := target.Lstat(name); err != nil {
		return nil, nil //nolint:nilnil,nilerr // there is none
	}
	lock, err := lockDir(target, name)
	if err != nil {
		if lock != nil {
			_ = lock.Close() // nothing was written
		}
		return nil, nil //nolint:nilnil,nilerr // in use, or nothing that can be told stale
	}
	if !ours(lock) {
		return nil, lock.Close()
	}
	other := randomName()
	if err := target.Rename(name, other); err != nil {
		return nil, errors.Join(err, lock.Close())
	}
	root, err := target.OpenRoot(other)
	if err != nil {
		return nil, errors.Join(err, lock.Close())
	}
	return &staging{Root: root, name: other, lock: lock}, nil
}

// tryStage makes and locks one staging directory. Another writer may take it for stale before it is locked; then the
// error is one that [stage] tries again after.
func tryStage(target *os.Root, name string) (*staging, error) {
	if err := target.Mkdir(name, 0o700); err != nil {
		return nil, err
	}
	lock, err := lockDir(target, name)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, fs.ErrExist
	}
	if err != nil && !errors.Is(err, errNoLocks) {
		return nil, err
	}
	root, err := target.OpenRoot(name)
	if err != nil {
		return nil, errors.Join(err, lock.Close())
	}
	return &staging{Root: root, name: name, lock: lock}, nil
}

// remove deletes the staging directory with all that is still in it.
func (s *staging) remove(target *os.Root) error {
	return errors.Join(s.Close(), target.RemoveAll(s.name), s.lock.Close())
}

// errNoLocks says that the file system cannot lock, so that nothing can be told stale.
var errNoLocks = errors.New("the file system has no locks")

// lockDir opens and locks a directory. With errNoLocks it is open all the same.
func lockDir(root *os.Root, name string) (*os.File, error) {
	f, err := root.OpenFile(name, os.O_RDONLY|unix.O_DIRECTORY|unix.O_NOFOLLOW, 0)
	if err != nil {
		return nil, err
	}
	err = eintr(func() error { return unix.Flock(int(f.Fd()), unix.LOCK_EX|unix.LOCK_NB) })
	switch {
	case errors.Is(err, unix.EWOULDBLOCK):
		return nil, errors.Join(err, f.Close())
	case err != nil:
		return f, errNoLocks
	}
	if gone(f) {
		return nil, errors.Join(fs.ErrNotExist, f.Close())
	}
	return f, nil
}

// ours reports whether a writer of this user has made a directory: nobody else can have put anything there.
func ours(f *os.File) bool {
	var st unix.Stat_t
	return unix.Fstat(int(f.Fd()), &st) == nil && int(st.Uid) == os.Geteuid() && st.Mode&0o777 == 0o700
}

// gone reports whether an open directory has been removed.
func gone(f *os.File) bool {
	var st unix.Stat_t
	return unix.Fstat(int(f.Fd()), &st) == nil && st.Nlink == 0
}

// removeStale removes the staging directories that no living writer holds, as far as it may.
func removeStale(target *os.Root) {
	names, err := readNames(target, ".")
	if err != nil {
		return
	}
	for _, name := range names {
		if isStaging(Path(name)) {
			removeIfStale(target, name)
		}
	}
}

func removeIfStale(target *os.Root, name string) {
	lock, err := lockDir(target, name)
	if lock != nil {
		defer lock.Close() //nolint:errcheck // nothing was written
	}
	if err != nil {
		return // in use, gone, or nothing that can be told stale
	}
	_ = target.RemoveAll(name) // another's may stay
}

func readNames(root *os.Root, dir string) ([]string, error) {
	f, err := root.OpenFile(dir, os.O_RDONLY|unix.O_DIRECTORY|unix.O_NONBLOCK, 0)
	if err != nil {
		return nil, err
	}
	defer f.Close() //nolint:errcheck // nothing was written
	names, err := f.Readdirnames(-1)
	if errors.Is(err, io.EOF) {
		err = nil
	}
	return names, err
}
