package tree

import (
	"io/fs"
	"os"
	"time"

	"golang.org/x/sys/unix"
)

// toucher sets modification times without following symlinks. It keeps the last directory open, since paths come in
// order.
type toucher struct {
	root *os.Root
	dir  Path
	open *os.File
}

func (t *toucher) close() {
	if t.open != nil {
		_ = t.open.Close()
	}
}

// touch sets the modification time of p; the zero time leaves it.
func (t *toucher) touch(p Path, mtime time.Time) error {
	if mtime.IsZero() {
		return nil
	}
	if err := t.enter(p.Dir()); err != nil {
		return err
	}
	stamp, err := unix.TimeToTimespec(mtime)
	if err != nil {
		return &fs.PathError{Op: "utimensat", Path: string(p), Err: err}
	}
	stamps := []unix.Timespec{{Nsec: unix.UTIME_OMIT}, stamp}
	err = eintr(func() error {
		return unix.UtimesNanoAt(int(t.open.Fd()), p.Base(), stamps, unix.AT_SYMLINK_NOFOLLOW)
	})
	if err != nil {
		return &fs.PathError{Op: "utimensat", Path: string(p), Err: err}
	}
	return nil
}

func (t *toucher) enter(dir Path) error {
	if t.open != nil && t.dir == dir {
		return nil
	}
	f, err := t.root.OpenFile(string(dir), os.O_RDONLY|unix.O_DIRECTORY|unix.O_NOFOLLOW, 0)
	if err != nil {
		return err
	}
	t.close()
	t.dir, t.open = dir, f
	return nil
}
