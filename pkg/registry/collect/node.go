package collect

import (
	"cmp"
	"time"

	"github.com/opencontainers/go-digest"
)

// kind is what a node is. Sorted, they are in the order in which they are removed: who keeps goes before who is kept.
type kind string

const (
	tagKind      kind = "1-tag"
	manifestKind kind = "2-manifest"
	blobKind     kind = "3-blob"
)

// node names something that is kept or goes: a tag of a repository, a manifest of a repository, or a blob, which is of no repository.
// A digest in it is that of the data in the blob store, never another name of the same bytes.
type node struct {
	kind kind
	repo string
	name string // a tag or a digest
}

func tagNode(repo, tag string) node                  { return node{tagKind, repo, tag} }
func manifestNode(repo string, d digest.Digest) node { return node{manifestKind, repo, d.String()} }
func blobNode(d digest.Digest) node                  { return node{blobKind, "", d.String()} }

// compare sorts nodes: by kind, then by name.
func compare(a, b node) int {
	return cmp.Or(cmp.Compare(a.kind, b.kind), cmp.Compare(a.repo, b.repo), cmp.Compare(a.name, b.name))
}

// listed are nodes with the time since when they are in a record.
type listed map[node]time.Time

// canonical tells whether d names data in the blob store. What other digests name is said by a link only.
func canonical(d digest.Digest) bool { return d.Algorithm() == digest.Canonical }
