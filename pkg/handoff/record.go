package handoff

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"time"

	"golang.org/x/sys/unix"
)

// Version of the records and messages that this package writes. A reader refuses a newer one.
const Version = 1

// MaxRecordSize bounds a record, in bytes; a larger file is refused unread.
const MaxRecordSize = 4 << 20

// Errors of Read, to be tested with errors.Is.
var (
	ErrNotRecord = errors.New("not a hand-off record")                             // malformed, too large or no regular file
	ErrTooLarge  = errors.New("too large for a record")                            // of Write: nobody would read it
	ErrNewer     = errors.New("written by a newer version of the shim or sidecar") // Version is above ours
)

// State is how far a verdict of the sidecar has come.
type State string

// The states of a Ready or Pushed record. Pulling and Pushing are followed by one of the others.
const (
	Pulling State = "pulling"
	Pushing State = "pushing"
	OK      State = "ok"      // Ready: all inputs are in place. Pushed: all outputs are in the registry.
	Skipped State = "skipped" // Pushed only: nothing was to be pushed, and Why says so
	Failed  State = "failed"  // Failure says why
)

// Final tells whether the state will not change any more.
func (s State) Final() bool { return s == OK || s == Skipped || s == Failed }

// Failure is why a step cannot succeed though its command is not at fault.
type Failure struct {
	Code    int    `json:"code"`    // exit code of the container, one of ExitInputs to ExitConfig
	Message string `json:"message"` // one plain sentence for the termination message
}

func (f *Failure) Error() string { return f.Message }

// Progress of a transfer; all are counts since its start.
type Progress struct {
	Bytes      int64 `json:"bytes"`
	TotalBytes int64 `json:"totalBytes"` // 0 while unknown
	Files      int64 `json:"files"`
	TotalFiles int64 `json:"totalFiles"` // 0 while unknown
	Work       int64 `json:"work"`       // bytes hashed, sent or received: it grows as long as anything gets on
}

// Artifact is one input or output as it is in the registry.
type Artifact struct {
	Reference string `json:"reference"` // registry/repository:tag
	Digest    string `json:"digest"`    // of the manifest
	Path      string `json:"path"`      // in the application's container
	Bytes     int64  `json:"bytes"`
	Files     int64  `json:"files"`
	// Of an input only: the ordinal of the step's input that asked for it, from 0, and whether that may ask for several.
	Input    int  `json:"input,omitempty"`
	Gathered bool `json:"gathered,omitempty"`
	// Of an input on a volume: the node was restarted since it was written, and no attempt has it before its Delivered record;
	// the containers that may have work there, and whether another one got it as it was for that.
	Stale bool     `json:"stale,omitempty"`
	Work  []string `json:"work,omitempty"`
	Taken bool     `json:"taken,omitempty"`
}

// Pinned is the artifact's reference by digest.
func (a Artifact) Pinned() string { return a.Reference + "@" + a.Digest }

// Ready is the sidecar's verdict on inputs.
type Ready struct {
	Header
	State    State      `json:"state"`
	Progress Progress   `json:"progress,omitzero"`
	Inputs   []Artifact `json:"inputs,omitempty"`
	// Deliver says that more inputs come with each attempt, through the shim or, after a reboot, on volumes again: the shim
	// waits for the Delivered record of its attempt too.
	Deliver bool        `json:"deliver,omitempty"`
	Pod     PodIdentity `json:"pod,omitzero"` // what the placeholders of the step stand for
	Failure *Failure    `json:"failure,omitempty"`
}

// Claim is what the shim writes before it connects, where only its own container and the sidecar can read it: who knows the
// token is of that container.
type Claim struct {
	Header
	Token string `json:"token"` // random, another for each attempt
}

// Started is what the shim says when the command runs.
type Started struct {
	Header
	Attempt int       `json:"attempt"` // from 1, one more than the last of this container in this pod
	Args    []string  `json:"args"`
	PID     int       `json:"pid"` // of the command, in the container's process namespace
	Time    time.Time `json:"time"`
}

// Done is what the shim says when the command has ended, or could not be started.
type Done struct {
	Header
	ExitCode    int       `json:"exitCode"`              // as the container would report it: 128+n after signal n
	Signal      int       `json:"signal,omitempty"`      // the signal that ended the command, 0 for none
	Terminating bool      `json:"terminating,omitempty"` // the container had been asked to stop
	Started     time.Time `json:"started,omitzero"`      // zero: the command never ran
	Ended       time.Time `json:"ended"`
	Message     string    `json:"message,omitempty"` // why the command never ran
	// Outputs is a fingerprint of the outputs, where all of them lie on volumes and the command succeeded.
	Outputs string `json:"outputs,omitempty"`
	// RanAs is the earlier attempt whose command this one stands for, which ran none itself; 0: it ran its own.
	RanAs int `json:"ranAs,omitempty"`
	// Failure says that what the command wrote is not whole, and must not be pushed.
	Failure *Failure `json:"failure,omitempty"`
}

// Ran tells whether the command ran, in this attempt or the one that it stands for.
func (d Done) Ran() bool { return !d.Started.IsZero() }

// Where a shim can hold for a person.
const (
	BreakBefore    = "before"     // the inputs are there, the command was not started
	BreakAfter     = "after"      // the command has ended, nothing was pushed
	BreakOnFailure = "on-failure" // the same, only if the command failed
)

// Breakpoint says that the shim holds for a person.
type Breakpoint struct {
	Header
	Where    string    `json:"where"`              // one of BreakBefore, BreakAfter, BreakOnFailure
	ExitCode *int      `json:"exitCode,omitempty"` // of the command, if it ran
	Time     time.Time `json:"time"`
}

// Resume tells the shim to go on from a breakpoint.
type Resume struct {
	Header
}

// Pushed is the sidecar's verdict on the outputs of one attempt.
type Pushed struct {
	Header
	State    State      `json:"state"`
	Progress Progress   `json:"progress,omitzero"`
	Outputs  []Artifact `json:"outputs,omitempty"`
	// Incomplete says that the shim was killed: the outputs are what could be reached without it.
	Incomplete bool     `json:"incomplete,omitempty"`
	Why        string   `json:"why,omitempty"` // with Skipped
	Failure    *Failure `json:"failure,omitempty"`
}

// DealtWith tells whether nothing is left to be done about the outputs.
func (p Pushed) DealtWith() bool { return (p.State == OK || p.State == Skipped) && !p.Incomplete }

// Header is what every record begins with.
type Header struct {
	Version int    `json:"version"`
	BootID  string `json:"bootID"` // of the node's kernel when the record was written
}

// ThisBoot tells whether the record was written since the node booted. The volume outlives a reboot, but no process
// does: what a record of an earlier boot says of a running process is stale.
func (h Header) ThisBoot() bool { return h.BootID == bootID() }

func (h *Header) header() *Header { return h }

// record is implemented by a pointer to each record type, through its Header.
type record[T any] interface {
	*T
	header() *Header
}

// Write puts the record at path for readers to see whole or not at all: into a temporary file beside it, mode 0644
// whatever the umask, renamed. Missing directories are made, 0755. The header is filled in.
func Write[T any, P record[T]](path string, rec T) error {
	*P(&rec).header() = Header{Version: Version, BootID: bootID()}
	data, err := json.Marshal(rec)
	if err != nil {
		return fmt.Errorf("encoding %s: %w", path, err)
	}
	if len(data) > MaxRecordSize {
		return fmt.Errorf("writing %s: %w: %d bytes, and %d are read", path, ErrTooLarge, len(data), MaxRecordSize)
	}
	if err := makeDir(filepath.Dir(path)); err != nil {
		return fmt.Errorf("writing %s: %w", path, err)
	}
	if err := replaceFile(path, data); err != nil {
		return fmt.Errorf("writing %s: %w", path, err)
	}
	return nil
}

// Read returns the record at path. A missing file is fs.ErrNotExist, what is there but no record is ErrNotRecord, a
// newer version ErrNewer.
func Read[T any, P record[T]](path string) (T, error) {
	var rec, zero T
	data, err := readBounded(path)
	if err != nil {
		return zero, fmt.Errorf("reading %s: %w", path, err)
	}
	if err := json.Unmarshal(data, &rec); err != nil {
		return zero, fmt.Errorf("reading %s: %w: %w", path, ErrNotRecord, err)
	}
	switch head := P(&rec).header(); {
	case head.Version > Version:
		return zero, fmt.Errorf("reading %s: version %d, %d is known: %w", path, head.Version, Version, ErrNewer)
	case head.Version < 1:
		return zero, fmt.Errorf("reading %s: %w: no version", path, ErrNotRecord)
	}
	return rec, nil
}

// Look is Read for a record that may be absent: then it returns false, and no error.
func Look[T any, P record[T]](path string) (T, bool, error) {
	rec, err := Read[T, P](path)
	if errors.Is(err, fs.ErrNotExist) {
		return rec, false, nil
	}
	return rec, err == nil, err
}

func replaceFile(path string, data []byte) error {
	tmp, err := os.CreateTemp(filepath.Dir(path), "."+filepath.Base(path)+"-")
	if err != nil {
		return err
	}
	defer os.Remove(tmp.Name()) //nolint:errcheck // gone after the rename
	if _, err := tmp.Write(data); err != nil {
		tmp.Close() //nolint:errcheck // the write's error says more
		return err
	}
	if err := tmp.Chmod(0o644); err != nil {
		tmp.Close() //nolint:errcheck // the chmod's error says more
		return err
	}
	if err := tmp.Close(); err != nil {
		return err
	}
	return os.Rename(tmp.Name(), path)
}

// readBounded reads a regular file without following a link or waiting on a FIFO.
func readBounded(path string) ([]byte, error) {
	fd, err := unix.Open(path, unix.O_RDONLY|unix.O_NOFOLLOW|unix.O_NONBLOCK|unix.O_CLOEXEC, 0)
	if errors.Is(err, unix.ELOOP) {
		return nil, fmt.Errorf("%w: a symbolic link", ErrNotRecord)
	}
	if err != nil {
		return nil, err
	}
	f := os.NewFile(uintptr(fd), path)
	defer f.Close() //nolint:errcheck // only read from
	info, err := f.Stat()
	if err != nil {
		return nil, err
	}
	if !info.Mode().IsRegular() {
		return nil, fmt.Errorf("%w: %s", ErrNotRecord, info.Mode().Type())
	}
	data, err := io.ReadAll(io.LimitReader(f, MaxRecordSize+1))
	if err == nil && len(data) > MaxRecordSize {
		err = fmt.Errorf("%w: larger than %d bytes", ErrNotRecord, MaxRecordSize)
	}
	return data, err
}

// makeDir makes path and its missing parents, 0755 whatever the umask.
func makeDir(path string) error {
	if _, err := os.Stat(path); err == nil {
		return nil
	}
	if err := makeDir(filepath.Dir(path)); err != nil {
		return err
	}
	err := os.Mkdir(path, 0o755)
	if errors.Is(err, fs.ErrExist) {
		return nil // made meanwhile by someone else
	}
	if err != nil {
		return err
	}
	return os.Chmod(path, 0o755)
}

func bootID() string {
	id, err := os.ReadFile("/proc/sys/kernel/random/boot_id")
	if err != nil {
		return "unknown"
	}
	return strings.TrimSpace(string(id))
}
