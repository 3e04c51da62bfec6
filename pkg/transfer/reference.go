package transfer

import (
	"errors"
	"fmt"
	"strings"

	"github.com/opencontainers/go-digest"
	"oras.land/oras-go/v2/registry"
	"oras.land/oras-go/v2/registry/remote"
)

// DefaultTag is the tag of a reference that has neither tag nor digest.
const DefaultTag = "latest"

// Reference names an artifact in a registry that is known from elsewhere.
type Reference struct {
	Repository string
	Tag        string        // may be empty when there is a digest
	Digest     digest.Digest // wins over the tag
}

// ParseReference reads repository[:tag][@digest]. The tag defaults to [DefaultTag] if there is no digest. The error wraps
// [ErrInvalidReference] and says which part is wrong and how it should be.
func ParseReference(s string) (Reference, error) {
	ref, err := parseReference(s)
	if err != nil {
		return Reference{}, fmt.Errorf("%w %q: %w", ErrInvalidReference, s, err)
	}
	return ref, nil
}

// validTag is [ErrInvalidReference] unless a manifest can be put under tag.
func validTag(tag string) error {
	if err := checkTag(tag); err != nil {
		return fmt.Errorf("%w: %w", ErrInvalidReference, err)
	}
	return nil
}

func parseReference(s string) (Reference, error) {
	var ref Reference
	rest, sum, pinned := strings.Cut(s, "@")
	repository, tag, tagged := strings.Cut(rest, ":")
	ref.Repository = repository
	switch {
	case s == "":
		return ref, errors.New("it is empty")
	case strings.Contains(s, "://"):
		return ref, errors.New("it is a URL; write repository[:tag][@digest]")
	case strings.Contains(tag, "/"):
		return ref, errors.New("the tag holds a slash; if this names a registry too, give that by itself")
	}
	if err := checkRepository(repository); err != nil {
		return ref, err
	}
	if tagged {
		ref.Tag = tag
		if err := checkTag(tag); err != nil {
			return ref, err
		}
	}
	if !pinned {
		if !tagged {
			ref.Tag = DefaultTag
		}
		return ref, nil
	}
	parsed, err := digest.Parse(sum)
	if err != nil {
		return ref, fmt.Errorf("digest %q: %w; it looks like sha256: and 64 hexadecimal digits", sum, err)
	}
	ref.Digest = parsed
	return ref, nil
}

func checkRepository(name string) error {
	const most = 255 // of distribution's reference package, for host and repository together
	switch {
	case name == "":
		return errors.New("the repository is missing")
	case len(name) > most:
		return fmt.Errorf("a repository of %d characters is longer than %d", len(name), most)
	case (registry.Reference{Repository: name}).ValidateRepository() != nil:
		return fmt.Errorf("repository %q: it has lower-case letters and digits, with one of . _ - or __ between them, "+
			"and slashes between its parts", name)
	}
	return nil
}

func checkTag(tag string) error {
	if (registry.Reference{Reference: tag}).ValidateReferenceAsTag() != nil {
		return fmt.Errorf("tag %q: it has 1 to 128 letters, digits, _ . -, and starts with neither . nor -", tag)
	}
	return nil
}

// String returns the reference as [ParseReference] reads it.
func (r Reference) String() string {
	s := r.Repository
	if r.Tag != "" {
		s += ":" + r.Tag
	}
	if r.Digest != "" {
		s += "@" + r.Digest.String()
	}
	return s
}

// Target returns what the registry is asked for: the digest if there is one, else the tag.
func (r Reference) Target() string {
	if r.Digest != "" {
		return r.Digest.String()
	}
	return r.Tag
}

// name is how a reference is called in errors: host/repository:tag or host/repository@digest.
func name(repo *remote.Repository, ref string) string {
	full := repo.Reference
	full.Reference = ref
	return full.String()
}
