package main

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"net/http"
	"syscall"

	"github.com/spf13/cobra"
	"oras.land/oras-go/v2/registry/remote/auth"
	"oras.land/oras-go/v2/registry/remote/errcode"

	"github.com/converged-computing/oras-operator/pkg/handoff"
	"github.com/converged-computing/oras-operator/pkg/transfer"
)

// Exit codes of the commands at a terminal; README.md has them too. A signal is 128 and its number.
const (
	exitOther    = 1
	exitUsage    = 2
	exitNotFound = 3
	exitDenied   = 4
	exitGaveUp   = 5
	exitLocal    = 6
)

// usageError is a command line that makes no sense.
type usageError struct {
	err error
	cmd *cobra.Command
}

func (e usageError) Error() string {
	return fmt.Sprintf("%v (%s --help tells more)", e.err, e.cmd.CommandPath())
}
func (e usageError) Unwrap() error { return e.err }

// exitCode is that of a step's failure where the error is one.
func exitCode(err error) int {
	if err == nil {
		return 0
	}
	if failure, ok := errors.AsType[*handoff.Failure](err); ok {
		return failure.Code
	}
	if stop, ok := errors.AsType[*interrupted](err); ok {
		return handoff.ExitSignal + int(stop.signal)
	}
	if _, ok := errors.AsType[usageError](err); ok {
		return exitUsage
	}
	if errors.Is(err, context.Canceled) {
		return handoff.ExitSignal + int(syscall.SIGTERM)
	}
	return transferCode(err)
}

// transferCode is the exit code of a failure of pkg/transfer.
func transferCode(err error) int {
	failure, known := errors.AsType[*transfer.Error](err)
	_, local := errors.AsType[*fs.PathError](err)
	status := answered(err)
	switch {
	case errors.Is(err, transfer.ErrInvalidReference), errors.Is(err, transfer.ErrInvalidGlob):
		return exitUsage
	case status == http.StatusUnauthorized, status == http.StatusForbidden, errors.Is(err, auth.ErrBasicCredentialNotFound):
		return exitDenied
	case known && failure.Side == transfer.SideTree:
		return exitLocal
	case errors.Is(err, transfer.ErrNotFound), errors.Is(err, transfer.ErrNoMatch), status == http.StatusNotFound,
		known && errors.Is(err, fs.ErrNotExist):
		return exitNotFound
	case transfer.Transient(err), status >= http.StatusInternalServerError, errors.Is(err, transfer.ErrConflict):
		return exitGaveUp
	case local:
		return exitLocal
	}
	return exitOther
}

// answered is the status that a registry answered with, or 0.
func answered(err error) int {
	if status, ok := errors.AsType[*errcode.ErrorResponse](err); ok {
		return status.StatusCode
	}
	return 0
}
