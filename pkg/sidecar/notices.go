package sidecar

import (
	"errors"
	"fmt"
	"io/fs"

	"github.com/converged-computing/oras-operator/pkg/handoff"
)

// tell leaves a notice for people. Outside of a pod nobody would read it.
func (s *Sidecar) tell(reason handoff.Reason, text string) {
	err := s.notices.Add(handoff.NewNotice(reason, text))
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		s.log.Warn("A notice cannot be left.", "reason", reason, "error", err)
	}
}

// tellInputs tells of the verdict on inputs.
func (s *Sidecar) tellInputs(ready handoff.Ready) {
	switch {
	case ready.State == handoff.Failed:
		s.tell(handoff.ReasonInputPullFailed, ready.Failure.Message)
	case len(ready.Inputs) == 1:
		s.tell(handoff.ReasonInputsPulled, ready.Inputs[0].Pinned()+" is in place")
	case len(ready.Inputs) > 1:
		s.tell(handoff.ReasonInputsPulled, fmt.Sprintf("%d artifacts are in place, the first of them %s",
			len(ready.Inputs), ready.Inputs[0].Pinned()))
	}
}

// tellOutputs tells of the verdict on the outputs of a container.
func (s *Sidecar) tellOutputs(container string, pushed handoff.Pushed) {
	for _, out := range pushed.Outputs {
		reason, what := handoff.ReasonOutputPushed, "is in the registry"
		switch {
		case s.step.Unwrapped:
			reason, what = handoff.ReasonOutputUnwrapped, "was pushed when the pod ended, whatever the command of container "+container+" did"
		case pushed.Incomplete:
			reason, what = handoff.ReasonOutputIncomplete, "holds what container "+container+" had made when it was killed"
		}
		s.tell(reason, out.Pinned()+" "+what)
	}
	if pushed.State == handoff.Failed {
		s.tell(handoff.ReasonOutputPushFailed, pushed.Failure.Message)
	}
}
