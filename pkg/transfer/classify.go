package transfer

import (
	"context"
	"errors"
	"io"
	"net"
	"net/http"
	"slices"
	"strings"
	"syscall"

	"oras.land/oras-go/v2/registry/remote/errcode"
)

// Transient reports whether what failed may pass, so that trying again is worth it: the registry cannot be reached, breaks
// off, is slow, overloaded or broken, or there was no more time to try. An error that was retried stays transient.
func Transient(err error) bool {
	var local *treeError
	var status *errcode.ErrorResponse
	switch {
	case err == nil || errors.Is(err, context.Canceled):
		return false
	case errors.Is(err, context.DeadlineExceeded), errors.Is(err, errForgotten):
		return true
	case errors.As(err, &local):
		return false
	case errors.As(err, &status):
		return transientStatus(status)
	}
	return transientNetwork(err)
}

// Final reports whether an error stands however often one tries: neither transient nor the caller's own cancelling.
func Final(err error) bool {
	return err != nil && !errors.Is(err, context.Canceled) && !Transient(err)
}

func transientStatus(e *errcode.ErrorResponse) bool {
	switch e.StatusCode {
	case http.StatusRequestTimeout, http.StatusTooEarly, http.StatusTooManyRequests:
		return true
	case http.StatusRequestedRangeNotSatisfiable:
		return true // a part of an upload that is not where the registry is; the next attempt asks
	case http.StatusNotImplemented, http.StatusHTTPVersionNotSupported, http.StatusInsufficientStorage:
		return false
	}
	if hasCode(e, errcode.ErrorCodeBlobUploadUnknown, errcode.ErrorCodeBlobUploadInvalid) {
		return true // the registry forgot an upload, as after a restart
	}
	return e.StatusCode >= http.StatusInternalServerError && !strings.Contains(e.Error(), syscall.ENOSPC.Error())
}

func hasCode(e *errcode.ErrorResponse, codes ...string) bool {
	return slices.ContainsFunc(e.Errors, func(one errcode.Error) bool { return slices.Contains(codes, one.Code) })
}

func transientNetwork(err error) bool {
	for _, known := range []error{
		io.ErrUnexpectedEOF, io.EOF, syscall.ECONNREFUSED, syscall.ECONNRESET, syscall.ECONNABORTED, syscall.EPIPE,
		syscall.ETIMEDOUT, syscall.EHOSTUNREACH, syscall.ENETUNREACH,
	} {
		if errors.Is(err, known) {
			return true
		}
	}
	var dns *net.DNSError
	var op *net.OpError
	var timeout net.Error
	return errors.As(err, &dns) || errors.As(err, &op) && !isAlert(op) ||
		errors.As(err, &timeout) && timeout.Timeout() ||
		saysAny(err, "http2: ", "stream error: ", "connection error: ", "server closed idle connection")
}

// saysAny is for what net/http has no types for.
func saysAny(err error, texts ...string) bool {
	return slices.ContainsFunc(texts, func(text string) bool { return strings.Contains(err.Error(), text) })
}

// isAlert reports whether a TLS peer refused the other; crypto/tls names such an error "local error" or "remote error".
func isAlert(e *net.OpError) bool { return strings.HasSuffix(e.Op, " error") }
