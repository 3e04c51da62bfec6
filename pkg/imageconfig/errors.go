package imageconfig

import (
	"errors"
	"fmt"
)

var (
	// ErrDifferent is the error of an image that runs something else on one architecture than on another.
	ErrDifferent = errors.New("the image has different commands for different architectures")
	// ErrNoPlatform is the error of an image that is made for none of the architectures.
	ErrNoPlatform = errors.New("the image is made for other platforms")
	// ErrBusy is the error of a look-up that has had no turn while others went on.
	ErrBusy = errors.New("too many images are looked up at once")
	// ErrAddress is the error of a registry at an address where none is asked, whoever names it: what answers there speaks
	// to the operator's own node or pod alone.
	ErrAddress = errors.New("its registry is at an address where none is asked")
	// ErrDowngrade is the error of a registry with TLS that redirects to a place without.
	ErrDowngrade = errors.New("the registry redirects from HTTPS to HTTP")
	// ErrAnswer is the error of an answer that no registry would give, or about what is no image.
	ErrAnswer = errors.New("the answer is not a registry's, or not about an image")
	// ErrEncoded is the error of an answer that is encoded without having been asked to be.
	ErrEncoded = errors.New("the registry's answer has a content encoding")
	// ErrTooLarge is the error of an image that says more about itself than any should.
	ErrTooLarge = errors.New("what the registry tells of the image is too large")
)

// fault is an error of this package, with details that are its own.
type fault struct {
	kind   error
	detail string
}

func faulty(kind error, format string, args ...any) error {
	return fault{kind, fmt.Sprintf(format, args...)}
}

func (f fault) Error() string { return f.kind.Error() + ": " + f.detail }

func (f fault) Unwrap() error { return f.kind }
