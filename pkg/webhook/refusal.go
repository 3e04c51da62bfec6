package webhook

import (
	"errors"
	"fmt"
	"strings"
)

// ErrRefused is the error of an object that its author has to mend. The message lists every reason.
var ErrRefused = errors.New("cannot be a step of a workflow")

// maxReasons is how many reasons a denial lists: an author mends one of a thousand alike, and the others with it.
const maxReasons = 20

// refusal is an ErrRefused with its reasons. It lists as many as a person reads, one to a line.
type refusal struct{ reasons []error }

// refused makes an ErrRefused of an error that may join several reasons; nil of nil.
func refused(err error) error {
	if err == nil {
		return nil
	}
	return &refusal{apart(err)}
}

// apart takes errors that are joined apart.
func apart(err error) []error {
	joined, ok := err.(interface{ Unwrap() []error })
	if !ok {
		return []error{err}
	}
	var all []error
	for _, each := range joined.Unwrap() {
		all = append(all, apart(each)...)
	}
	return all
}

func (r *refusal) Error() string {
	if len(r.reasons) == 1 {
		return ErrRefused.Error() + ": " + r.reasons[0].Error()
	}
	var text strings.Builder
	text.WriteString(ErrRefused.Error() + ":")
	for _, reason := range r.reasons[:min(len(r.reasons), maxReasons)] {
		text.WriteString("\n- " + reason.Error())
	}
	if more := len(r.reasons) - maxReasons; more > 0 {
		fmt.Fprintf(&text, "\n- and %d more", more)
	}
	return text.String()
}

func (r *refusal) Is(target error) bool { return target == ErrRefused }

func (r *refusal) Unwrap() []error { return r.reasons }
