package shim

import (
	"errors"
	"fmt"
	"io/fs"
	"os"

	"golang.org/x/sys/unix"

	"github.com/converged-computing/oras-operator/pkg/handoff"
)

// beginAttempt takes the number of this attempt, where there is a hand-off.
func (l *life) beginAttempt() error {
	if l.opts.detached() {
		return nil
	}
	n, err := takeAttempt(l.opts.RunDir, l.opts.Container)
	if err != nil {
		return err
	}
	l.attempt = n
	l.log = l.log.With("container", l.opts.Container, "attempt", n)
	return nil
}

// takeAttempt makes the directory of the next attempt, 0755 whatever the umask, and returns its number: one more than
// the highest that is there, from 1. Nobody else gets the same.
func takeAttempt(dir handoff.Dir, container string) (int, error) {
	if err := os.MkdirAll(dir.App(container), 0o755); err != nil {
		return 0, err
	}
	last, err := dir.LastAttempt(container)
	if err != nil {
		return 0, err
	}
	for n := last + 1; ; n++ {
		err := os.Mkdir(dir.Attempt(container, n), 0o755)
		if errors.Is(err, fs.ErrExist) {
			continue
		}
		if err != nil {
			return 0, err
		}
		return n, os.Chmod(dir.Attempt(container, n), 0o755)
	}
}

// tokenSize is that of a token's random bytes.
const tokenSize = 16

// writeClaim records a new token and returns it. It does without crypto/rand, which is not small.
func (l *life) writeClaim() (token string, err error) {
	var random [tokenSize]byte
	if _, err := unix.Getrandom(random[:], 0); err != nil { // so few bytes come whole
		return "", fmt.Errorf("getrandom: %w", err)
	}
	token = fmt.Sprintf("%x", random)
	return token, handoff.Write(l.opts.RunDir.Claim(l.opts.Container, l.attempt), handoff.Claim{Token: token})
}

// writeStarted records that the command runs.
func (l *life) writeStarted(c *command) error {
	if l.opts.detached() {
		return nil
	}
	return handoff.Write(l.opts.RunDir.Started(l.opts.Container, l.attempt), handoff.Started{
		Attempt: l.attempt,
		Args:    l.opts.Command,
		PID:     c.pid,
		Time:    c.started,
	})
}

// writeDone records how the command ended.
func (l *life) writeDone(done handoff.Done) error {
	path := l.opts.DoneFile
	if path == "" && l.opts.detached() {
		return nil
	}
	if path == "" {
		path = l.opts.RunDir.Done(l.opts.Container, l.attempt)
	}
	return handoff.Write(path, done)
}

// unrecorded is the ending of a command that the sidecar cannot learn of.
func unrecorded(done handoff.Done, err error) *ending {
	if done.ExitCode != 0 {
		return &ending{code: done.ExitCode}
	}
	code := handoff.ExitOutputs
	if errors.Is(err, unix.ENOSPC) || errors.Is(err, unix.EDQUOT) {
		code = handoff.ExitRefused // as wherever else a disk is full
	}
	return endf(code, "The command succeeded, but its end cannot be recorded, so its outputs are not pushed: %v.", err)
}
