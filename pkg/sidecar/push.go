package sidecar

import (
	"context"
	"errors"
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/converged-computing/oras-operator/pkg/artifact"
	"github.com/converged-computing/oras-operator/pkg/handoff"
	"github.com/converged-computing/oras-operator/pkg/placeholder"
	"github.com/converged-computing/oras-operator/pkg/transfer"
	"github.com/converged-computing/oras-operator/pkg/tree"
)

// ending is one attempt that is over, as far as pushing its outputs goes.
type ending struct {
	container  string
	attempt    int  // that is over
	ranAs      int  // the attempt whose command that was
	exitCode   *int // nil: it is not known
	at         time.Time
	inputs     []handoff.Artifact
	incomplete bool // the shim was killed before the command had ended

	source func(handoff.Output) transfer.Source // nil: it cannot be reached
}

// wants tells whether an output is pushed after such an end. A command that was killed together with its shim has failed.
func (e ending) wants(out handoff.Output) bool {
	if e.exitCode == nil {
		return out.On == handoff.OnFailure || out.On == handoff.OnAlways
	}
	return out.On.Wanted(*e.exitCode)
}

// push sends the wanted outputs of an attempt and returns the final record. They belong together only in that the
// container exits 0 when all are there: each moves its own tag.
func (s *Sidecar) push(ctx context.Context, e ending, counters *transfer.Counters) handoff.Pushed {
	ctx, cancel := context.WithTimeout(ctx, s.step.PushTimeout)
	defer cancel()
	log := s.log.With("container", e.container, "attempt", e.attempt)
	pushed := handoff.Pushed{State: handoff.OK, Incomplete: e.incomplete}
	outputs, why := s.outputsOf(e)
	for _, out := range outputs {
		art, err := s.pushOne(ctx, e, out, counters)
		switch {
		case errors.Is(err, errSkipped):
			log.Info("An output holds nothing and is skipped.", "output", out.Artifact, "path", out.Path)
			why = "there is nothing in " + out.Path
		case err != nil:
			log.Error("An output cannot be pushed.", "output", out.Artifact, "error", err)
			pushed.State, pushed.Failure = handoff.Failed, s.outputFailure(err)
			return pushed
		default:
			log.Info("An output is in the registry.", "output", art.Pinned(), "files", art.Files, "bytes", art.Bytes)
			pushed.Outputs = append(pushed.Outputs, art)
		}
	}
	if len(pushed.Outputs) == 0 {
		return handoff.Pushed{State: handoff.Skipped, Incomplete: e.incomplete, Why: why}
	}
	return pushed
}

// outputsOf returns the outputs that are pushed, or why there are none.
func (s *Sidecar) outputsOf(e ending) (outputs []handoff.Output, why string) {
	all := s.step.OutputsOf(e.container)
	for _, out := range all {
		if e.wants(out) {
			outputs = append(outputs, out)
		}
	}
	switch {
	case len(all) == 0:
		return nil, "the container has no outputs"
	case len(outputs) > 0:
		return outputs, ""
	case e.exitCode == nil:
		return nil, "the shim was killed"
	}
	return nil, fmt.Sprintf("the command ended with exit code %d", *e.exitCode)
}

// errSkipped means that an output holds nothing, and that this is all right.
var errSkipped = errors.New("there is nothing to push")

// pushOne sends one output.
func (s *Sidecar) pushOne(ctx context.Context, e ending, out handoff.Output, counters *transfer.Counters) (handoff.Artifact, error) {
	out, err := s.fillOutput(out, e)
	if err != nil {
		return handoff.Artifact{}, err
	}
	ref, err := transfer.ParseReference(out.Artifact)
	if err != nil {
		return handoff.Artifact{}, misconfigured("output: %v", err)
	}
	repo, err := s.to.Repository(ref.Repository)
	if err != nil {
		return handoff.Artifact{}, err
	}
	source := e.source(out)
	if source == nil {
		return handoff.Artifact{}, outputProblem(out, "is on no volume, and the shim that could reach it is gone")
	}
	opts := transfer.PushOptions{
		Lineage: s.lineage(e), RefuseEmpty: true, Bases: s.bases(), Retry: s.retry(0), Counters: counters,
		Compression: artifact.Compression(s.step.Compression),
	}
	if out.Empty == handoff.EmptyPush {
		source, opts.RefuseEmpty = orEmpty{source}, false
	}
	result, err := transfer.Push(ctx, repo, ref.Tag, source, opts)
	empty := errors.Is(err, errNoOutput) || errors.Is(err, transfer.ErrEmpty)
	switch {
	case empty && out.Empty == handoff.EmptySkip:
		return handoff.Artifact{}, errSkipped
	case errors.Is(err, errNoOutput):
		return handoff.Artifact{}, outputProblem(out, "does not exist")
	case empty:
		return handoff.Artifact{}, outputProblem(out, "holds nothing")
	case errors.Is(err, tree.ErrOutside):
		return handoff.Artifact{}, outputProblem(out, ledAstray)
	case err != nil:
		return handoff.Artifact{}, fmt.Errorf("output %s: %w", ref, err)
	}
	for _, warning := range result.Warnings {
		s.log.Warn("An output is not all there: "+warning, "output", out.Artifact)
	}
	return handoff.Artifact{
		Reference: result.Reference,
		Digest:    result.Descriptor.Digest.String(),
		Path:      out.Path,
		Files:     int64(result.Files),
		Bytes:     result.Bytes,
	}, nil
}

// fillOutput fills in the placeholders of an output, with the number of the attempt whose command has made it.
func (s *Sidecar) fillOutput(out handoff.Output, e ending) (handoff.Output, error) {
	values := s.step.Pod.Placeholders()
	values[placeholder.Container] = e.container
	values[placeholder.Attempt] = strconv.Itoa(e.ranAs)
	for _, field := range []*string{&out.Artifact, &out.Path, &out.Below} {
		text, err := placeholder.Finish(*field, values)
		if err != nil {
			return out, misconfigured("output: %v", err)
		}
		*field = text
	}
	return out, nil
}

func (s *Sidecar) lineage(e ending) artifact.Lineage {
	l := artifact.Lineage{
		Namespace:  s.step.Pod.Namespace,
		Job:        s.step.Pod.Job,
		Pod:        s.step.Pod.Name,
		Container:  e.container,
		Attempt:    e.ranAs,
		ExitCode:   e.exitCode,
		Incomplete: e.incomplete,
		Created:    e.at,
	}
	for _, in := range e.inputs {
		l.Inputs = append(l.Inputs, strings.TrimPrefix(in.Pinned(), s.step.Registry+"/"))
	}
	return l
}
