// Package layout names what a registry keeps in its storage: the paths of the distribution registry
// (registry/storage/paths.go there), and those that are ours beside them. A path begins with a slash, as storage drivers take it.
//
// The content of every file named link is the digest of a blob in the blob store. The digest in its path may be of another
// algorithm: then it is another name of the same bytes.
package layout

import (
	_ "crypto/sha512" // blobs may be named by it
	"path"
	"strings"

	"github.com/opencontainers/go-digest"
)

const (
	// Root is above everything.
	Root = "/docker/registry/v2"
	// Blobs is above the data of all blobs, whatever repository they are of.
	Blobs = Root + "/blobs"
	// Repositories is above all repositories. A repository's name is its path below, and may have others' names below it.
	Repositories = Root + "/repositories"
	// Collect is above the records of the garbage collection.
	Collect = Root + "/collect"

	// Link is the name of the files that hold a digest.
	Link = "link"

	manifests = "_manifests"
	layers    = "_layers"
	uploads   = "_uploads"
	referrers = "_referrers"
)

// BlobData is the file with a blob's bytes.
func BlobData(d digest.Digest) string {
	return path.Join(Blobs, d.Algorithm().String(), d.Encoded()[:2], d.Encoded(), "data")
}

// Repository is the directory of a repository.
func Repository(name string) string { return path.Join(Repositories, name) }

// RepositoryWith is the name of the repository whose directory of manifests that is, if it is one.
func RepositoryWith(manifestsDir string) (name string, ok bool) {
	dir, found := strings.CutSuffix(manifestsDir, "/"+manifests)
	name, below := strings.CutPrefix(dir, Repositories+"/")
	return name, found && below
}

// AfterManifests comes after all paths of a repository's manifests, and before all others that do. The name may be any text.
func AfterManifests(name string) string {
	return path.Join(Repositories, path.Join("/", name), manifests+"~")
}

// Revisions is the directory above a repository's links to its manifests.
func Revisions(name string) string { return path.Join(Repository(name), manifests, "revisions") }

// Revision is the link by which a repository has a manifest.
func Revision(name string, d digest.Digest) string { return link(Revisions(name), d) }

// Tags is the directory above a repository's tags, each a directory.
func Tags(name string) string { return path.Join(Repository(name), manifests, "tags") }

// Tag is the directory of a tag. Everything about the tag is below it.
func Tag(name, tag string) string { return path.Join(Tags(name), tag) }

// TagCurrent is the link to the manifest that a tag names.
func TagCurrent(name, tag string) string { return path.Join(Tag(name, tag), "current", Link) }

// Layers is the directory above a repository's links to its blobs.
func Layers(name string) string { return path.Join(Repository(name), layers) }

// Layer is the link by which a repository has a blob.
func Layer(name string, d digest.Digest) string { return link(Layers(name), d) }

// Uploads is the directory above a repository's unfinished uploads, each a directory.
func Uploads(name string) string { return path.Join(Repository(name), uploads) }

// Referrers is the directory above what a repository knows of manifests that refer to others.
func Referrers(name string) string { return path.Join(Repository(name), referrers) }

// ReferrersOf is the directory above the links to the manifests that refer to subject.
func ReferrersOf(name string, subject digest.Digest) string {
	return path.Join(Referrers(name), subject.Algorithm().String(), subject.Encoded())
}

// Referrer is the link to one manifest that refers to subject.
func Referrer(name string, subject, d digest.Digest) string {
	return link(ReferrersOf(name, subject), d)
}

// Reserved tells whether the last part of a path is a name that no repository's part can have: what is below it belongs to the repository above.
func Reserved(part string) bool { return strings.HasPrefix(part, "_") }

// DigestIn returns the digest whose directory or link p is: the last two parts of its path, without [Link], are its algorithm and its hex.
// The second result is false where they are not.
func DigestIn(p string) (digest.Digest, bool) {
	p = strings.TrimSuffix(p, "/"+Link)
	dir, encoded := path.Split(p)
	d := digest.NewDigestFromEncoded(digest.Algorithm(path.Base(dir)), encoded)
	return d, d.Validate() == nil
}

func link(dir string, d digest.Digest) string {
	return path.Join(dir, d.Algorithm().String(), d.Encoded(), Link)
}
