package transfer

import (
	"fmt"
	"path"
	"strings"

	ocispec "github.com/opencontainers/image-spec/specs-go/v1"

	"github.com/converged-computing/oras-operator/pkg/artifact"
	"github.com/converged-computing/oras-operator/pkg/tree"
)

// form is what a layer of a foreign artifact becomes.
type form string

const (
	formNone    form = "nothing"
	formSkip    form = "left out"
	formFile    form = "file"
	formArchive form = "archive"
	formImage   form = "image layer" // an archive with whiteouts
)

// recognized is a layer whose form is known.
type recognized struct {
	form   form
	title  string
	into   tree.Path // where the names of an archive are relative to
	within tree.Path // what they have to lie in, seen from there
}

// recognize tells by title, annotation and media type what a layer is. See "What others made" in pkg/artifact/README.md.
func recognize(desc ocispec.Descriptor, keepArchives bool) recognized {
	title := desc.Annotations[ocispec.AnnotationTitle]
	r := recognized{title: title, into: ".", within: "."}
	switch {
	case desc.MediaType == ocispec.MediaTypeEmptyJSON:
		r.form = formNone
	case title == "" && (keepArchives || !isArchive(desc.MediaType)):
		r.form = formSkip
	case title == "" && isImageLayer(desc.MediaType):
		r.form = formImage
	case title == "":
		r.form = formArchive
	case keepArchives:
		r.form = formFile
	case isPack(desc):
		r.form, r.within = formArchive, tree.Path(path.Clean(title))
	case strings.HasSuffix(desc.MediaType, "tar+gzip") && !hasArchiveSuffix(title):
		r.form, r.into = formArchive, tree.Path(path.Dir(path.Clean(title)))
	default:
		r.form = formFile
	}
	return r
}

func isArchive(mediaType string) bool {
	return isImageLayer(mediaType) || strings.HasSuffix(mediaType, "tar+gzip")
}

func isImageLayer(mediaType string) bool {
	base := strings.TrimSuffix(strings.TrimSuffix(strings.TrimSuffix(mediaType, "+gzip"), "+zstd"), ".gzip")
	return base == ocispec.MediaTypeImageLayer || base == dockerLayer
}

func hasArchiveSuffix(title string) bool {
	return strings.HasSuffix(title, ".tgz") || strings.HasSuffix(title, ".gz")
}

// place returns an entry of an archive under the path that it has in the tree.
func (r recognized) place(e tree.Entry) (tree.Entry, error) {
	if !e.Path.Beneath(r.within) {
		return e, fmt.Errorf("%w: it is not in %q, as the layer's title says", artifact.ErrUnsafe, r.title)
	}
	if r.into == "." {
		return e, nil
	}
	var err error
	if e.Path, err = artifact.CleanName(string(r.into) + "/" + string(e.Path)); err != nil {
		return e, err
	}
	if e.Type == tree.Hardlink {
		e.Link, err = artifact.CleanName(string(r.into) + "/" + string(e.Link))
	}
	return e, err
}
