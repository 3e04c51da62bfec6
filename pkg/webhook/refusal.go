package webhook

import (
	"strings"
)

// refusal is an ErrRefused with its reasons, one to a line.
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
	if len(lines) == 1 {
		return ErrRefused.Error() + ": " + lines[0]
	}
	return ErrRefused.Error() + ":\n- " + strings.Join(lines, "\n- ")
}

func (r *refusal) Is(target error) bool { return target == ErrRefused }

func (r *refusal) Unwrap() error { return r.reasons }
