package webhook

import (
	"fmt"
	"strings"
)

// maxReasons is how many reasons a denial lists: an author mends one of a thousand alike, and the others with it.
const maxReasons = 20

// refusal is an ErrRefused with its reasons, one to a line, as far as a person reads.
type refusal struct{ reasons error }

// refused makes an ErrRefused of reasons; nil of nil.
func refused(reasons error) error {
	if reasons == nil {
		return nil
	}
	return &refusal{reasons}
}

func (r *refusal) Error() string {
	lines := strings.Split(r.reasons.Error(), "\n")
	if more := len(lines) - maxReasons; more > 0 {
		lines = append(lines[:maxReasons], fmt.Sprintf("and %d more", more))
	}
	if len(lines) == 1 {
		return ErrRefused.Error() + ": " + lines[0]
	}
	return ErrRefused.Error() + ":\n- " + strings.Join(lines, "\n- ")
}

func (r *refusal) Is(target error) bool { return target == ErrRefused }

func (r *refusal) Unwrap() error { return r.reasons }
