package sidecar

import (
	"path"
	"strings"

	"github.com/converged-computing/oras-operator/pkg/handoff"
	"github.com/converged-computing/oras-operator/pkg/placeholder"
	"github.com/converged-computing/oras-operator/pkg/transfer"
	"github.com/converged-computing/oras-operator/pkg/tree"
)

// maxGathered bounds the artifacts that one input may ask for.
const maxGathered = 10_000

// request is what one input asks the registry for: an artifact or, with a * in it, every one that matches.
type request struct {
	handoff.Input      // with its placeholders filled in, and one text of its range
	ordinal       int  // of the step's input
	gathered      bool // the input may ask for several: each goes to a directory of its own
}

// requests are those of all inputs in their order; an input with a range makes several.
func (s *Sidecar) requests() ([]request, error) {
	var all []request
	for i, in := range s.step.Inputs {
		texts, err := placeholder.Ranges(in.Artifact, maxGathered)
		if err != nil {
			return nil, misconfigured("input %s: %v", in.Artifact, err)
		}
		r := request{Input: in, ordinal: i, gathered: isGathered(in.Artifact)}
		for _, text := range texts {
			if r.Artifact, err = placeholder.Finish(text, s.step.Pod.Placeholders()); err != nil {
				return nil, misconfigured("input: %v", err)
			}
			if r.Path, err = placeholder.Finish(in.Path, s.step.Pod.Placeholders()); err != nil {
				return nil, misconfigured("path of input %s: %v", in.Artifact, err)
			}
			all = append(all, r)
		}
	}
	return all, nil
}

func isGathered(artifact string) bool {
	return strings.Contains(artifact, "*") || placeholder.HasRange(artifact)
}

// found is what the request's artifact is called from now on.
func (r request) found(registry string, ref transfer.Reference, digest string) handoff.Artifact {
	art := handoff.Artifact{
		Reference: registry + "/" + transfer.Reference{Repository: ref.Repository, Tag: ref.Tag}.String(),
		Digest:    digest,
		Path:      r.Path,
		Input:     r.ordinal,
		Gathered:  r.gathered,
	}
	if r.gathered {
		art.Path = path.Join(r.Path, ref.Repository, ref.Tag)
	}
	return art
}

// location is where an artifact comes from and where it goes.
type location struct {
	repository string
	place      tree.Place // on a volume; without a root: it is written through a shim
	share      bool
}

// mounted tells whether the sidecar writes it itself.
func (l location) mounted() bool { return l.place.Root != "" }

// locate finds it for an artifact of a Ready record, which an earlier sidecar may have written.
func (s *Sidecar) locate(art handoff.Artifact) (location, error) {
	in := s.step.Inputs[art.Input]
	ref, err := transfer.ParseReference(strings.TrimPrefix(art.Reference, s.step.Registry+"/"))
	if err != nil {
		return location{}, err
	}
	if in.Below, err = placeholder.Finish(in.Below, s.step.Pod.Placeholders()); err != nil {
		return location{}, misconfigured("place of input %s: %v", in.Artifact, err)
	}
	if art.Gathered {
		in.Below = path.Join(in.Below, ref.Repository, ref.Tag)
	}
	return location{repository: ref.Repository, place: in.Place(), share: in.Share}, nil
}
