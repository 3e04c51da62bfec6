package plan

import (
	"regexp"
	"strings"

	"github.com/converged-computing/oras-operator/pkg/placeholder"
)

// The grammar of repositories and tags is that of the OCI distribution specification 1.1, "Pulling manifests"; that of
// digests is of the OCI image specification 1.1, "Digests", with the algorithms it registers.
var (
	repositoryGrammar = regexp.MustCompile(`^[a-z0-9]+((\.|_|__|-+)[a-z0-9]+)*(/[a-z0-9]+((\.|_|__|-+)[a-z0-9]+)*)*$`)
	tagGrammar        = regexp.MustCompile(`^[a-zA-Z0-9_][a-zA-Z0-9._-]{0,127}$`)
	digestGrammar     = regexp.MustCompile(`^(sha256:[a-f0-9]{64}|sha512:[a-f0-9]{128})$`)
)

// maxRepository bounds a repository, in bytes: the distribution specification's advice to clients.
const maxRepository = 255

// maxReference bounds an input's artifact, in bytes, before its ranges are looked at: none that is valid comes near it.
const maxReference = 2048

// reference is an artifact within a registry, in which there may be placeholders. Tag and digest may be empty.
type reference struct {
	repository, tag, digest string
}

func (ref reference) String() string {
	text := ref.repository
	if ref.tag != "" {
		text += ":" + ref.tag
	}
	if ref.digest != "" {
		text += "@" + ref.digest
	}
	return text
}

// inputReference checks repository[:tag][@digest]; with neither tag nor digest the tag is latest. A * or a range in
// the repository or the tag stands for several artifacts.
func (r *reader) inputReference(key, value string) string {
	if len(value) > maxReference {
		r.add(key, value[:32]+"…", "has %d characters; an artifact has at most %d", len(value), maxReference)
		return ""
	}
	sample, ok := r.gatheredSample(key, value)
	if !ok {
		return ""
	}
	ref, ok := r.reference(key, value, sample)
	switch {
	case !ok:
		return ""
	case strings.Contains(value, "**"):
		r.add(key, value, "holds **, which is not supported: a * never goes across a /; write a * for each part of the repository")
		return ""
	case gathers(value) && ref.digest != "":
		r.add(key, value, "stands for several artifacts and has a digest, which is that of one; leave one of the two out")
		return ""
	case ref.tag == "" && ref.digest == "":
		ref.tag = "latest"
	}
	return ref.String()
}

// gathers tells whether an artifact stands for several.
func gathers(artifact string) bool {
	return strings.Contains(artifact, "*") || placeholder.HasRange(artifact)
}

// outputReference checks repository[:tag]; the tag defaults to latest.
func (r *reader) outputReference(key, value string) string {
	if strings.Contains(value, "*") {
		r.add(key, value, "holds a *, which only an input may; name each artifact, under a number of its own")
		return ""
	}
	sample, ok := r.sample(key, value)
	if !ok {
		return ""
	}
	ref, ok := r.reference(key, value, sample)
	switch {
	case !ok:
		return ""
	case ref.digest != "":
		r.add(key, value, "has a digest, which an output has only once it is pushed; write repository or repository:tag")
		return ""
	case ref.tag == "":
		ref.tag = "latest"
	}
	return ref.String()
}

// reference takes value apart once the sample of it is found to be right: the one has a colon where the other has one.
func (r *reader) reference(key, value, sample string) (reference, bool) {
	rest, digest, pinned := strings.Cut(sample, "@")
	repository, tag, tagged := strings.Cut(rest, ":")
	switch {
	case strings.Contains(value, "://"):
		r.add(key, value, "is a URL; write repository or repository:tag, and the host of a registry that is no OrasCache in the key registry")
	case strings.Contains(tag, "/"):
		r.add(key, value, "names the host of a registry; write repository or repository:tag here, and the host in the key registry")
	case len(repository) > maxRepository:
		r.add(key, value, "has a repository of %d characters; at most %d are allowed", len(repository), maxRepository)
	case !repositoryGrammar.MatchString(repository):
		r.add(key, value, "is no artifact: a repository has lower case letters and digits, with '.', '_', '-' or '/' between them, such as team/step-1")
	case tagged && !tagGrammar.MatchString(tag):
		r.add(key, value, "has no valid tag: a tag has at most 128 letters, digits, '.', '_' and '-' and begins with neither '.' nor '-'")
	case pinned && !digestGrammar.MatchString(digest):
		r.add(key, value, "has no valid digest: a digest is sha256: and 64 digits, each 0 to 9 or a to f")
	default:
		return split(value), true
	}
	return reference{}, false
}

func split(value string) reference {
	rest, digest, _ := strings.Cut(value, "@")
	repository, tag, _ := strings.Cut(rest, ":")
	return reference{repository, tag, digest}
}
