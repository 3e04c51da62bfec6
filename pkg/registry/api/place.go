package api

import (
	"net/http"
	"strings"

	"github.com/distribution/reference"
)

// kind is what a path is about.
type kind int

const (
	kindOther kind = iota
	kindManifest
	kindBlob
	kindUpload
	kindReferrers
	kindCatalog
)

// place is a path of the API, taken apart.
type place struct {
	kind kind
	name string // of the repository
	ref  string // the last part: a tag, a digest, the id of an upload or nothing
}

// parse takes a path apart from its end, since a repository's name may have any of the words in it. A path with a name that
// no repository can have is none of this package's.
func parse(path string) place {
	rest, ok := strings.CutPrefix(path, "/v2/")
	if !ok {
		return place{}
	}
	if rest == "_catalog" {
		return place{kind: kindCatalog}
	}
	rest, ref := cutLast(rest)
	name, word := cutLast(rest)
	at := place{name: name, ref: ref}
	switch word {
	case "manifests":
		at.kind = kindManifest
	case "referrers":
		at.kind = kindReferrers
	case "blobs":
		at.kind = kindBlob
		if ref == "uploads" {
			at.kind, at.ref = kindUpload, ""
		}
	case "uploads":
		at.kind = kindUpload
		if at.name, word = cutLast(name); word != "blobs" {
			return place{}
		}
	}
	if at.kind == kindOther || !isName(at.name) {
		return place{}
	}
	return at
}

// isName tells whether a repository can have that name. Such a name is safe as a path.
func isName(name string) bool {
	_, err := reference.WithName(name)
	return err == nil
}

// isTagName tells whether a tag of the repository name can have that name. Such a name is safe as a path.
func isTagName(name, tag string) bool {
	named, err := reference.WithName(name)
	if err != nil {
		return false
	}
	_, err = reference.WithTag(named, tag)
	return err == nil
}

// cutLast cuts s at its last slash.
func cutLast(s string) (before, after string) {
	i := strings.LastIndexByte(s, '/')
	if i < 0 {
		return "", s
	}
	return s[:i], s[i+1:]
}

// with returns serve for that place.
func (at place) with(serve func(http.ResponseWriter, *http.Request, place)) http.HandlerFunc {
	return func(w http.ResponseWriter, req *http.Request) { serve(w, req, at) }
}

// manifestPath is the path of a manifest by a tag or a digest.
func manifestPath(name, ref string) string { return "/v2/" + name + "/manifests/" + ref }

// blobPath is the path of a blob.
func blobPath(name, digest string) string { return "/v2/" + name + "/blobs/" + digest }
