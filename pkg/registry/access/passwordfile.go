package access

import (
	"fmt"
	"io"
	"io/fs"
	"log/slog"
	"os"
	"sync"
	"sync/atomic"
	"time"

	"k8s.io/utils/clock"

	"github.com/converged-computing/oras-operator/pkg/htpasswd"
)

// lookEvery is how often it is looked whether a file has changed.
const lookEvery = time.Second

// passwordFile is a file of passwords as it was when it was last in order.
type passwordFile struct {
	path    string
	clock   clock.Clock
	log     *slog.Logger
	current atomic.Pointer[passwords]

	mu     sync.Mutex // held by who looks whether it has changed
	looked time.Time
	seen   fs.FileInfo // of what was read last, in order or not
	broken string      // what was last logged to be wrong
}

// openPasswords reads a file for the first time.
func openPasswords(path string, opts Options) (*passwordFile, error) {
	f := &passwordFile{path: path, clock: opts.Clock, log: opts.Log, looked: opts.Clock.Now()}
	if err := f.read(); err != nil {
		return nil, fmt.Errorf("htpasswdFile: %w", err)
	}
	return f, nil
}

// now returns the users, after a look whether the file has changed where the last look is some time ago. A file that is gone or
// not in order leaves the users as they were.
func (f *passwordFile) now() *passwords {
	if f.mu.TryLock() { // who comes while somebody looks takes what is there
		defer f.mu.Unlock()
		if now := f.clock.Now(); now.Sub(f.looked) >= lookEvery {
			f.looked = now
			f.follow()
		}
	}
	return f.current.Load()
}

// follow reads the file again if it is another one, and logs once what is wrong with it.
func (f *passwordFile) follow() {
	info, err := os.Stat(f.path)
	if err == nil {
		if f.seen != nil && os.SameFile(info, f.seen) && info.ModTime().Equal(f.seen.ModTime()) && info.Size() == f.seen.Size() {
			return
		}
		err = f.read()
	}
	switch {
	case err == nil:
		f.broken = ""
		f.log.Info("The users are read again.", "file", f.path, "users", len(f.current.Load().byUser))
	case err.Error() != f.broken:
		f.broken = err.Error()
		f.seen = info
		f.log.Error("The file of users cannot be used: those that were in it before stay.", "file", f.path, "error", err)
	}
}

// read takes the users from the file.
func (f *passwordFile) read() error {
	file, err := os.Open(f.path)
	if err != nil {
		return fmt.Errorf("opening the file of users: %w", err)
	}
	defer file.Close() //nolint:errcheck // only read from
	info, err := file.Stat()
	if err != nil {
		return fmt.Errorf("reading the file of users: %w", err)
	}
	text, err := io.ReadAll(io.LimitReader(file, htpasswd.MaxSize+1))
	if err != nil {
		return fmt.Errorf("reading the file of users %s: %w", f.path, err)
	}
	f.seen = info
	found, err := parsePasswords(text)
	if err != nil {
		return fmt.Errorf("reading the file of users %s: %w", f.path, err)
	}
	f.current.Store(found)
	return nil
}
