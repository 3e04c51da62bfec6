package collect

import (
	"context"
	"fmt"
	"log/slog"
	"path"
	"strings"
	"time"

	storagedriver "github.com/distribution/distribution/v3/registry/storage/driver"
	"github.com/opencontainers/go-digest"

	"github.com/converged-computing/oras-operator/pkg/registry/layout"
)

// looker reads the storage. It remembers what manifests say, which is as their digests are: for ever.
type looker struct {
	driver storagedriver.StorageDriver
	log    *slog.Logger
	known  map[digest.Digest]content
}

// view is a look under way: what was found, before it is known what keeps what.
type view struct {
	*snapshot
	aliases      map[digest.Digest]digest.Digest // names of other algorithms, of whatever repository
	repositories map[string]*repository
	unread       []unread
}

// unread is a link that has to be read, and what is to be done with the digest in it, which is empty if there is none.
type unread struct {
	path string
	note func(digest.Digest)
}

// repository is what a view found of one.
type repository struct {
	tags      map[string]*tagFound
	revisions map[digest.Digest]bool
	layers    map[digest.Digest]bool
	others    []found // links that go with a manifest or a blob: referrers and other names
}

type tagFound struct {
	whole   bool          // it has a link to what it names; without one it is what a push or a deletion left that was killed
	changed time.Time     // when something was last put into its directory or removed from it
	current digest.Digest // empty if it cannot be read
	was     []found       // links to what it has ever named
}

type found struct {
	of      digest.Digest
	dir     string
	written time.Time
}

// look reads all tags, manifests, links and blobs. What is written or removed meanwhile may be in the snapshot or not.
// now is the time by the storage's clock.
//
// What others do not change while it looks is seen as it is, and only that matters for what is condemned.
func (l *looker) look(ctx context.Context, now time.Time) (*snapshot, error) {
	v := &view{
		snapshot:     &snapshot{now: now, things: map[node]*thing{}},
		aliases:      map[digest.Digest]digest.Digest{},
		repositories: map[string]*repository{},
	}
	err := walk(ctx, l.driver, layout.Repositories, layout.IsUploads, func(info storagedriver.FileInfo) error {
		v.link(info)
		return nil
	})
	if err != nil {
		return nil, fmt.Errorf("reading the repositories: %w", err)
	}
	if err := l.follow(ctx, v); err != nil {
		return nil, err
	}
	err = walk(ctx, l.driver, layout.Blobs, func(string) bool { return false }, func(info storagedriver.FileInfo) error {
		v.blob(info)
		return nil
	})
	if err != nil {
		return nil, fmt.Errorf("reading the blobs: %w", err)
	}
	if err := l.read(ctx, v); err != nil {
		return nil, err
	}
	for name, repo := range v.repositories {
		v.connect(name, repo, l.known)
	}
	v.count()
	return v.snapshot, nil
}

// blob notes the data of a blob, or its directory, which may be there without.
func (v *view) blob(info storagedriver.FileInfo) {
	dir := info.Path()
	if !info.IsDir() {
		dir = path.Dir(dir)
	}
	d := digest.NewDigestFromEncoded(digest.Algorithm(path.Base(path.Dir(path.Dir(dir)))), path.Base(dir))
	if d.Validate() != nil || path.Dir(layout.BlobData(d)) != dir {
		return
	}
	t := v.thing(blobNode(d))
	t.touch(info.ModTime())
	if info.Path() == layout.BlobData(d) {
		t.size = info.Size()
		v.counts.blobs++
		v.counts.bytes += info.Size()
	}
	t.data = dir
}

// link notes a link in a repository, whose path is NAME/_KIND/…, or that it has to be read first.
func (v *view) link(info storagedriver.FileInfo) {
	p := info.Path()
	if info.IsDir() {
		v.tagDir(info)
		return
	}
	if path.Base(p) != layout.Link {
		return
	}
	name, rest, ok := split(strings.TrimPrefix(p, layout.Repositories+"/"))
	if !ok {
		return
	}
	repo := v.repository(name)
	if tag, of, ok := tagIn(rest); ok {
		v.tag(repo, name, tag, of, info)
		return
	}
	d, ok := layout.DigestIn(p)
	switch {
	case !ok:
	case canonical(d):
		v.linked(repo, name, d, info)
	default:
		v.unread = append(v.unread, unread{p, func(target digest.Digest) {
			if target != "" {
				v.aliases[d] = target
				d = target
			}
			v.linked(repo, name, d, info)
		}})
	}
}

// repository returns what was found of one.
func (v *view) repository(name string) *repository {
	repo, there := v.repositories[name]
	if !there {
		repo = &repository{tags: map[string]*tagFound{}, revisions: map[digest.Digest]bool{}, layers: map[digest.Digest]bool{}}
		v.repositories[name] = repo
	}
	return repo
}

// linked notes a link to d. By another name alone a manifest is not there: that is what a deletion left that was killed.
func (v *view) linked(repo *repository, name string, d digest.Digest, info storagedriver.FileInfo) {
	dir := path.Dir(info.Path())
	by, _ := layout.DigestIn(dir)
	switch {
	case strings.HasPrefix(dir, layout.Revisions(name)+"/") && canonical(by):
		repo.revisions[d] = true
		v.thing(manifestNode(name, d)).link(dir, info.ModTime())
	case strings.HasPrefix(dir, layout.Layers(name)+"/"):
		repo.layers[d] = true
		v.thing(blobNode(d)).link(dir, info.ModTime())
	default:
		repo.others = append(repo.others, found{of: d, dir: dir, written: info.ModTime()})
	}
}

// tagDir notes the directory of a tag, if it is one: it is listed as a tag, even where a deletion that was killed has left nothing in it.
func (v *view) tagDir(info storagedriver.FileInfo) {
	dir, tag := path.Split(info.Path())
	repository, ok := strings.CutSuffix(dir, "/_manifests/tags/")
	if !ok {
		return
	}
	name := strings.TrimPrefix(repository, layout.Repositories+"/")
	v.tagFound(v.repository(name), name, tag).changed = info.ModTime()
}

// tag notes a link below a tag: the current one, or one to a manifest that it named once.
func (v *view) tag(repo *repository, name, tag string, of digest.Digest, info storagedriver.FileInfo) {
	t := v.tagFound(repo, name, tag)
	if of != "" {
		t.was = append(t.was, found{of: of, dir: path.Dir(info.Path()), written: info.ModTime()})
	} else {
		t.whole = true
		v.unread = append(v.unread, unread{info.Path(), func(target digest.Digest) { t.current = target }})
		v.thing(tagNode(name, tag)).touch(info.ModTime()) // moving a tag writes both links, this one last
	}
}

// tagFound returns what was found of a tag.
func (v *view) tagFound(repo *repository, name, tag string) *tagFound {
	t, there := repo.tags[tag]
	if !there {
		t = &tagFound{}
		repo.tags[tag] = t
		v.thing(tagNode(name, tag)).links = []string{layout.Tag(name, tag)}
	}
	return t
}

// split parts the path of a link into the repository's name and what is below it, at the first name that no repository can have.
func split(p string) (name, rest string, ok bool) {
	parts := strings.Split(p, "/")
	for i, part := range parts {
		if layout.Reserved(part) {
			return strings.Join(parts[:i], "/"), strings.Join(parts[i:], "/"), i > 0
		}
	}
	return "", "", false
}

// tagIn reads the path of a link below a repository: _manifests/tags/TAG/current/link, for which of is empty, or
// _manifests/tags/TAG/index/ALGORITHM/HEX/link.
func tagIn(rest string) (tag string, of digest.Digest, ok bool) {
	below, ok := strings.CutPrefix(rest, "_manifests/tags/")
	if !ok {
		return "", "", false
	}
	tag, link, _ := strings.Cut(below, "/")
	if link == "current/"+layout.Link {
		return tag, "", true
	}
	of, ok = layout.DigestIn("/" + link)
	return tag, of, ok
}
