package imageconfig

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"net"
	"net/http"
	"slices"
	"strings"
	"syscall"

	"github.com/google/go-containerregistry/pkg/v1/remote/transport"
)

// maxReason is how long the reason of a failure may be, in bytes: it goes into a denial and into the log.
const maxReason = 512

// reason is an error in words of our own. Whoever names an image chooses who answers and is told of it: none of the answer may
// be in it but a status and the codes that are specified, or the operator would read out what only it can reach.
type reason struct {
	text string
	is   error // for [errors.Is] alone
}

func (r reason) Error() string { return r.text }

func (r reason) Is(target error) bool { return errors.Is(r.is, target) }

// explain makes a reason of what went wrong in a look-up.
func explain(err error) error {
	var own fault
	var answer *transport.Error
	var unresolved *net.DNSError
	var untrusted *tls.CertificateVerificationError
	var refused syscall.Errno
	text := ErrAnswer.Error()
	switch {
	case errors.As(err, &own):
		text = own.Error()
	case errors.As(err, &answer):
		text = status(answer)
	case errors.Is(err, context.DeadlineExceeded):
		text = "its registry has not answered in time"
	case errors.As(err, &unresolved):
		text = "its registry's name is not known"
	case errors.As(err, &untrusted):
		text = "the certificate of its registry is not trusted"
	case errors.Is(err, http.ErrSchemeMismatch):
		text = "its registry answers to HTTPS with HTTP"
	case errors.As(err, &refused):
		text = "its registry cannot be reached: " + refused.Error()
	}
	if len(text) > maxReason {
		text = strings.ToValidUTF8(text[:maxReason], "") + "…"
	}
	return reason{text: text, is: err}
}

// status is what an answer says that was not as wanted.
func status(answer *transport.Error) string {
	text := strings.TrimSpace(fmt.Sprintf("its registry answers %d %s", answer.StatusCode, http.StatusText(answer.StatusCode)))
	var codes []string
	for _, told := range answer.Errors {
		if code := string(told.Code); specified(told.Code) && !slices.Contains(codes, code) {
			codes = append(codes, code)
		}
	}
	if len(codes) == 0 {
		return text
	}
	return text + " (" + strings.Join(codes, ", ") + ")"
}

// specified tells whether a code is one of the distribution specification or, the last one, of the distribution itself.
func specified(code transport.ErrorCode) bool {
	switch code {
	case transport.BlobUnknownErrorCode, transport.DigestInvalidErrorCode, transport.ManifestBlobUnknownErrorCode,
		transport.ManifestInvalidErrorCode, transport.ManifestUnknownErrorCode, transport.NameInvalidErrorCode,
		transport.NameUnknownErrorCode, transport.SizeInvalidErrorCode, transport.UnauthorizedErrorCode,
		transport.DeniedErrorCode, transport.UnsupportedErrorCode, transport.TooManyRequestsErrorCode,
		transport.UnknownErrorCode, transport.UnavailableErrorCode:
		return true
	}
	return false
}
