package tree

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"time"
)

// Modes that a writer gives where it is told none.
const (
	defaultFile = 0o644
	defaultDir  = 0o755
)

var (
	// ErrThroughLink is returned for a path that leads through a symlink of the same tree.
	ErrThroughLink = errors.New("the path leads through a symlink")
	// ErrClosed is returned once a writer has been committed or aborted.
	ErrClosed = errors.New("the tree is committed or aborted")
)

// WriterOptions are the choices of [NewWriter]. The zero value writes modes as they are.
type WriterOptions struct {
	// Share makes files readable and writable for all, directories also searchable, and what anyone may execute
	// executable for all. It is for a writer whose user is not the one that will use the tree.
	Share bool `json:"share,omitempty"`
	// Resume names the tree that is being written, by 16 hexadecimal digits or more. What a writer of the same name has left
	// of large files when it died is gone on with: see [Writer.CreateEntry]. Empty: nothing is.
	Resume string `json:"resume,omitempty"`
}

// Writer writes a tree below a target directory. Everything goes into a hidden staging directory in the target, hence on
// its volume, and becomes visible at [Writer.Commit]. No symlink is followed, nothing outside of the target is touched.
//
// It may be used by several goroutines, but for Commit and Abort. A writer that is neither committed nor aborted leaves
// its staging directory behind; the next writer of the same target removes it.
type Writer struct {
	opts   WriterOptions
	target *os.Root
	stage  *staging
	dirs   *handles // in stage
	before *staging // what a writer that died has left of the same tree, if any

	creating sync.Mutex // for dirs

	mu     sync.Mutex
	closed bool
	kinds  map[Path]Type  // everything written so far
	links  []Entry        // symlinks, made last
	kept   map[Path]Entry // files of the target that stay, and their states
	meta   map[Path]meta
	// modeless are files that do not have their modes yet.
	modeless map[Path]bool
}

// meta is what Commit gives a name.
type meta struct {
	mode uint32
	time time.Time
}

// NewWriter starts a tree in the directory target, which is made with its parents if it is absent.
func NewWriter(target string, opts WriterOptions) (*Writer, error) {
	return Place{Path: target}.NewWriter(opts)
}

func newWriter(target *os.Root, opts WriterOptions) (*Writer, error) {
	s, before, err := stage(target, opts.Resume)
	if err != nil {
		if before != nil {
			err = errors.Join(err, before.remove(target))
		}
		return nil, errors.Join(fmt.Errorf("staging in %s: %w", target.Name(), err), target.Close())
	}
	return &Writer{
		opts: opts, target: target, stage: s, dirs: newHandles(s.Root), before: before,
		kinds: map[Path]Type{}, meta: map[Path]meta{}, modeless: map[Path]bool{}, kept: map[Path]Entry{},
	}, nil
}

// makeTarget makes a directory and its parents. Those that are new get their modes whatever the umask.
func makeTarget(at filesystem, target string, opts WriterOptions) error {
	var missing []string
	for dir := filepath.Clean(target); ; dir = filepath.Dir(dir) {
		if _, err := at.Lstat(dir); !errors.Is(err, fs.ErrNotExist) {
			break
		}
		missing = append(missing, dir)
	}
	err := at.MkdirAll(target, defaultDir)
	for _, dir := range missing {
		if err == nil && opts.Share {
			err = at.Chmod(dir, perm(shared(defaultDir, true)))
		}
	}
	return err
}

// Mkdir makes the directory p and its parents. One that this writer made before is no error.
func (w *Writer) Mkdir(p Path) error {
	return w.locked("making directory", p, func() error { return w.mkdir(p) })
}

// Create creates the regular file p and its parents and opens it for reading and writing. The caller closes it. A path that
// this writer has written is fs.ErrExist. Its mode is the one that SetMeta has said, else 0600 until Commit.
func (w *Writer) Create(p Path) (*os.File, error) {
	return w.create(p, w.createNew)
}

func (w *Writer) create(p Path, open func(Path) (*os.File, error)) (*os.File, error) {
	err := w.locked("creating", p, func() error {
		if err := w.parent(p); err != nil {
			return err
		}
		w.kinds[p] = File
		return nil
	})
	if err != nil {
		return nil, err
	}
	f, err := open(p)
	if err == nil {
		err = w.setMode(f, p)
	}
	if err != nil {
		w.forget(p)
		return nil, fmt.Errorf("creating %s: %w", p, err)
	}
	return f, nil
}

// createNew creates a file. Only one is created at a time: the kernel would make others spin if it is in one directory.
func (w *Writer) createNew(p Path) (*os.File, error) {
	w.creating.Lock()
	defer w.creating.Unlock()
	dir, err := w.dirs.get(p.Dir())
	if err != nil {
		return nil, err
	}
	return createAt(dir, p.Base(), string(p))
}

// setMode gives a new file its mode, if that is known. It closes the file if it cannot.
func (w *Writer) setMode(f *os.File, p Path) error {
	w.mu.Lock()
	meta, known := w.meta[p]
	if !known {
		w.modeless[p] = true
	}
	w.mu.Unlock()
	if !known {
		return nil
	}
	if err := f.Chmod(w.mode(meta.mode, false)); err != nil {
		return errors.Join(err, f.Close())
	}
	return nil
}

// forget takes back what was noted of a file that then could not be created.
func (w *Writer) forget(p Path) {
	w.mu.Lock()
	defer w.mu.Unlock()
	delete(w.kinds, p)
}

// Symlink notes the symlink p, to be made at Commit, and makes its parents. The text may be anything but empty, longer
// than [MaxPath] or with a NUL: it is kept and never followed.
func (w *Writer) Symlink(p, text Path) error {
	return w.locked("linking", p, func() error {
		if text == "" || len(text) > MaxPath || strings.IndexByte(string(text), 0) >= 0 {
			return fmt.Errorf("%w: symlink to %.80q", ErrInvalidPath, string(text))
		}
		if err := w.parent(p); err != nil {
			return err
		}
		w.kinds[p] = Symlink
		w.links = append(w.links, Entry{Path: p, Link: text})
		return nil
	})
}

// Link makes p and its parents, p a further name of old, a regular file that this writer has created. Anything else is
// fs.ErrNotExist.
func (w *Writer) Link(p, old Path) error {
	return w.locked("linking", p, func() error {
		if kind := w.kinds[old]; kind != File && kind != Hardlink {
			return fmt.Errorf("hard link to %q, which is no file of this tree: %w", string(old), fs.ErrNotExist)
		}
		if err := w.parent(p); err != nil {
			return err
		}
		if err := w.stage.Link(string(old), string(p)); err != nil {
			return err
		}
		w.kinds[p] = Hardlink
		return nil
	})
}

// SetMeta notes mode and modification time of e.Path, to be set at Commit. A zero time leaves the time as it comes.
// Setuid, setgid and sticky are dropped. The mode of a symlink and all of a hard link are ignored. Without SetMeta a
// file gets 0644, a directory that is new 0755, and one that was there keeps its mode.
func (w *Writer) SetMeta(e Entry) error {
	return w.locked("noting metadata of", e.Path, func() error {
		w.meta[e.Path] = meta{e.Mode, e.ModTime}
		if w.kinds[e.Path] == File {
			w.modeless[e.Path] = true
		}
		return nil
	})
}

// locked does one step under the lock, for a path that is valid.
func (w *Writer) locked(action string, p Path, step func() error) error {
	w.mu.Lock()
	defer w.mu.Unlock()
	err := ValidPath(p)
	if w.closed {
		err = ErrClosed
	}
	if err == nil {
		err = step()
	}
	if err != nil {
		return fmt.Errorf("%s %s: %w", action, p, err)
	}
	return nil
}

// parent makes the directories above p and sees that p is free.
func (w *Writer) parent(p Path) error {
	if _, taken := w.kinds[p]; taken {
		return fs.ErrExist
	}
	if dir := p.Dir(); dir != "." {
		return w.mkdir(dir)
	}
	return nil
}

func (w *Writer) mkdir(p Path) error {
	switch w.kinds[p] {
	case Dir:
		return nil
	case Symlink:
		return fmt.Errorf("%q: %w", string(p), ErrThroughLink)
	case File, Hardlink, keptFile:
		return fmt.Errorf("%q is not a directory: %w", string(p), fs.ErrExist)
	}
	if err := w.parent(p); err != nil {
		return err
	}
	if err := w.stage.Mkdir(string(p), 0o700); err != nil {
		return err
	}
	w.kinds[p] = Dir
	return nil
}
