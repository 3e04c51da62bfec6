package transfer

import (
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/url"
	"time"

	"oras.land/oras-go/v2/content"
	"oras.land/oras-go/v2/errdef"
	"oras.land/oras-go/v2/registry/remote/errcode"
)

var (
	// ErrNotFound means that the registry has no such artifact, or that an artifact lacks a blob. It is oras-go's.
	ErrNotFound = errdef.ErrNotFound
	// ErrDigest means that content is not what its descriptor says. It is oras-go's.
	ErrDigest = content.ErrMismatchedDigest
	// ErrChanged means that a file was written to while it was read, twice.
	ErrChanged = errors.New("the file changed while it was read")
	// ErrEmpty means that there was nothing to push: no file, directory or link.
	ErrEmpty = errors.New("there is nothing in it")
	// ErrInvalidReference is wrapped by every error of [ParseReference].
	ErrInvalidReference = errors.New("invalid reference")
	// ErrNotFile means that a path of an artifact is a directory, or a link that leads out of it.
	ErrNotFile = errors.New("not a regular file")
	// ErrNoCatalog means that a registry does not list its repositories, so that no pattern can be matched against them.
	ErrNoCatalog = errors.New("the registry does not list its repositories")
	// ErrNoMatch means that an artifact holds nothing of what was selected.
	ErrNoMatch = errors.New("nothing in the artifact matches")
	// ErrInvalidGlob is wrapped by every error of [Globs].
	ErrInvalidGlob = errors.New("invalid pattern")
	// ErrNoIndex means that an artifact cannot be patched since others made it: nothing says what is where in it.
	ErrNoIndex = errors.New("the artifact has no tree index, since another client made it; pull it and push it anew")
	// ErrPackTooLarge means that a pack of more than 64 MiB would have to be made anew.
	ErrPackTooLarge = errors.New("a pack that is too large for memory would have to be made anew; pull the artifact and push it")
	// ErrConflict means that somebody else moved a tag again and again while it was patched.
	ErrConflict = errors.New("the tag is being moved by somebody else")
)

// Op is the operation that failed.
type Op string

// The operations.
const (
	OpPush    Op = "pushing"
	OpPull    Op = "pulling"
	OpResolve Op = "resolving"
	OpList    Op = "listing"
	OpPatch   Op = "patching"
	OpRead    Op = "reading"
	OpCopy    Op = "copying"
)

// Side says where an operation failed.
type Side string

// The two sides of every transfer.
const (
	SideRegistry Side = "registry"
	SideTree     Side = "tree" // the source or sink: a directory or the far end of a socket
)

// Error is how an operation fails for what a registry or a tree did.
type Error struct {
	Op        Op
	Side      Side
	Reference string // host/repository:tag or @digest
	Err       error
}

func (e *Error) Error() string { return fmt.Sprintf("%s %s: %v", e.Op, e.Reference, e.Err) }

// Unwrap returns the cause.
func (e *Error) Unwrap() error { return e.Err }

// wrap returns err as an *Error, or nil for nil.
func wrap(op Op, reference string, err error) error {
	if err == nil {
		return nil
	}
	side := SideRegistry
	if _, local := errors.AsType[*treeError](err); local {
		side = SideTree
	}
	return &Error{Op: op, Side: side, Reference: reference, Err: err}
}

// treeError marks an error of a source or sink.
type treeError struct{ err error }

func (e *treeError) Error() string { return e.err.Error() }
func (e *treeError) Unwrap() error { return e.err }

func onTree(err error) error {
	if err == nil {
		return nil
	}
	return &treeError{err}
}

// gaveUp is the last real cause of something that was tried until there was no time left.
type gaveUp struct {
	after time.Duration
	err   error
	stop  error // why there was no time left
}

func (e *gaveUp) Error() string {
	return fmt.Sprintf("gave up after %s: %v", e.after.Round(100*time.Millisecond), e.err)
}

func (e *gaveUp) Unwrap() []error { return []error{e.err, e.stop} }

// statusError is what a registry answered. Unlike the error of oras-go it leaves out the query of the URL, which may hold
// a signature or a token.
type statusError struct {
	*errcode.ErrorResponse
}

func (e *statusError) Error() string {
	text := fmt.Sprintf("%s %s: %d %s", e.Method, e.URL.Path, e.StatusCode, http.StatusText(e.StatusCode))
	if len(e.Errors) > 0 {
		text += ": " + e.Errors.Error()
	}
	return text
}

func (e *statusError) Unwrap() error { return e.ErrorResponse }

// clean makes an error of the registry client fit to be shown.
func clean(err error) error {
	if errors.Is(err, errForgotten) || errors.Is(err, errNoParts) {
		return err // made of one that is clean
	}
	if status, ok := errors.AsType[*errcode.ErrorResponse](err); ok {
		return &statusError{status}
	}
	if address, ok := errors.AsType[*url.Error](err); ok {
		err = address.Err
	}
	if _, local := errors.AsType[*treeError](err); !local && errors.Is(err, net.ErrClosed) {
		return &brokenOff{err}
	}
	return err
}

// brokenOff is the error of a request whose connection the registry ended while it was being sent. net/http, one goroutine of
// which sees that end and closes the connection, may report only that another one then wrote to what was closed.
type brokenOff struct{ err error }

func (e *brokenOff) Error() string {
	return "connection reset or closed by the registry in the middle of a request"
}
func (e *brokenOff) Unwrap() error { return e.err }
