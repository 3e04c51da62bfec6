package handoff

import (
	"errors"
	"io/fs"
	"strings"

	"golang.org/x/sys/unix"

	"github.com/converged-computing/oras-operator/pkg/tree"
)

// Hello is the first message on a connection, from the shim or a gate: who it is.
type Hello struct {
	Version   int    `json:"version"`
	Container string `json:"container,omitempty"`
	Attempt   int    `json:"attempt,omitempty"`
	Token     string `json:"token,omitempty"` // that of the attempt's Claim record
	Gate      bool   `json:"gate,omitempty"`  // no shim, but a gate that takes no earlier failure of the inputs for the last word
}

// Heard is the answer to a gate: what it finds in the Ready record from now on is no older than its question. Failure says why
// inputs that were in place before the node was restarted cannot be had again.
type Heard struct {
	Failure *Failure `json:"failure,omitempty"`
}

// Op is what the sidecar asks of the shim.
type Op string

// The operations. OpBegin makes the connection's one open Writer, to which OpMake and OpCreate belong and which OpCommit
// or OpAbort ends.
const (
	OpList   Op = "list"   // the tree at Path: replies with Entries until one without More
	OpOpen   Op = "open"   // Names beneath Path: one reply with a file for each name that Errors does not hold
	OpBegin  Op = "begin"  // start writing a tree into the directory Path
	OpMake   Op = "make"   // the directories and links Entries, with their modes and times
	OpCreate Op = "create" // the files Entries: one reply, with a file open for writing for each, like OpOpen
	OpCommit Op = "commit" // make the tree visible
	OpAbort  Op = "abort"  // throw it away
	OpRead   Op = "read"   // Length bytes of the file Handle from Offset: one reply with Length, then so many raw bytes
	OpWrite  Op = "write"  // followed by Length raw bytes for the file Handle at Offset: one reply
	OpClose  Op = "close"  // the files Handles are of no more use
)

// MaxStream bounds the bytes that one OpRead or OpWrite moves: what fits into one packet, so that neither side can wait
// for the other to make room.
const MaxStream = MaxMessage

// Request is a message from the sidecar. Each has its reply before the next is sent.
type Request struct {
	Op      Op           `json:"op"`
	Path    string       `json:"path,omitempty"`
	Names   []tree.Path  `json:"names,omitempty"`
	Entries []tree.Entry `json:"entries,omitempty"`
	Stream  bool         `json:"stream,omitempty"` // of OpOpen and OpCreate: reply with Handles, lend nothing
	Again   bool         `json:"again,omitempty"`  // of OpCreate: what was created of Entries before was lent in vain
	Handle  int          `json:"handle,omitempty"`
	Handles []int        `json:"handles,omitempty"`
	Offset  int64        `json:"offset,omitempty"`
	Length  int          `json:"length,omitempty"`
}

// Reply is the shim's answer.
type Reply struct {
	Error   *RemoteError         `json:"error,omitempty"`
	Errors  map[int]*RemoteError `json:"errors,omitempty"` // by index into Names or Entries
	Entries []tree.Entry         `json:"entries,omitempty"`
	Skipped []tree.Path          `json:"skipped,omitempty"`
	File    bool                 `json:"file,omitempty"` // Path is a single file
	More    bool                 `json:"more,omitempty"` // another reply follows
	Handles []int                `json:"handles,omitempty"`
	States  []tree.Entry         `json:"states,omitempty"` // of Handles, or of the file that was read; without paths
	Length  int                  `json:"length,omitempty"` // of the raw bytes that follow
}

// RemoteError is an error of the other side. errors.Is finds the file system errors that the sidecar tells apart.
type RemoteError struct {
	Kind    string `json:"kind,omitempty"`
	Message string `json:"message"`
}

func (e *RemoteError) Error() string { return e.Message }

// Is tells whether the error was target on the other side.
func (e *RemoteError) Is(target error) bool {
	for _, k := range errorKinds() {
		if k.kind == e.Kind {
			return errors.Is(k.err, target)
		}
	}
	return false
}

// MaxErrorText bounds an error's message, in bytes, so that MaxFiles of them fit into one reply.
const MaxErrorText = 512

// NewRemoteError is err in a form that can be sent; nil stays nil.
func NewRemoteError(err error) *RemoteError {
	if err == nil {
		return nil
	}
	remote := &RemoteError{Message: cut(strings.ToValidUTF8(err.Error(), "\uFFFD"), MaxErrorText)}
	for _, k := range errorKinds() {
		if errors.Is(err, k.err) {
			remote.Kind = k.kind
			break
		}
	}
	return remote
}

type errorKind struct {
	kind string
	err  error
}

func errorKinds() []errorKind {
	return []errorKind{
		{"not-exist", fs.ErrNotExist},
		{"permission", fs.ErrPermission},
		{"exist", fs.ErrExist},
		{"no-space", unix.ENOSPC},
		{"quota", unix.EDQUOT},
		{"read-only", unix.EROFS},
		{"no-descriptors", ErrDescriptors},
	}
}
