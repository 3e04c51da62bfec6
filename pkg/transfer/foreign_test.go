package transfer_test

import (
	"archive/tar"
	"bytes"
	"compress/gzip"
	"context"
	"encoding/json"
	"errors"
	"io"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"

	ocispec "github.com/opencontainers/image-spec/specs-go/v1"
	"gotest.tools/v3/assert"
	"gotest.tools/v3/fs"
	"oras.land/oras-go/v2"
	"oras.land/oras-go/v2/content/memory"
	"oras.land/oras-go/v2/registry/remote"

	"github.com/converged-computing/oras-operator/pkg/artifact"
	"github.com/converged-computing/oras-operator/pkg/transfer"
	"github.com/converged-computing/oras-operator/pkg/transfer/internal/testregistry"
	"github.com/converged-computing/oras-operator/pkg/tree"
)

const (
	tarGzip = ocispec.MediaTypeImageLayerGzip
	helm    = "application/vnd.cncf.helm.chart.content.v1.tar+gzip"
)

// layer is a layer for a manifest of any kind.
type layer struct {
	mediaType, title string
	unpack           bool
	content          []byte
}

// entry is a name in an archive. A file has its own name as content.
type entry struct {
	kind       byte
	name, link string
}

func archive(t *testing.T, entries ...entry) []byte {
	t.Helper()
	content, err := tryArchive(entries)
	assert.NilError(t, err)
	return content
}

// tryArchive fails where archive/tar would not write an entry.
func tryArchive(entries []entry) ([]byte, error) {
	var out bytes.Buffer
	z := gzip.NewWriter(&out)
	w := tar.NewWriter(z)
	for _, e := range entries {
		h := tar.Header{Typeflag: e.kind, Name: e.name, Linkname: e.link, Mode: 0o755}
		if e.kind == tar.TypeReg {
			h.Size = int64(len(e.name))
		}
		if err := w.WriteHeader(&h); err != nil {
			return nil, err
		}
		if _, err := w.Write([]byte(e.name)[:h.Size]); err != nil {
			return nil, err
		}
	}
	err := errors.Join(w.Close(), z.Close())
	return out.Bytes(), err
}

func regular(name string) entry          { return entry{tar.TypeReg, name, ""} }
func folder(name string) entry           { return entry{tar.TypeDir, name, ""} }
func symlink(name, text string) entry    { return entry{tar.TypeSymlink, name, text} }
func hardlink(name, target string) entry { return entry{tar.TypeLink, name, target} }

// pushLayers makes an artifact of layers.
func pushLayers(t *testing.T, repo *remote.Repository, layers ...layer) {
	t.Helper()
	store := memory.New()
	var descs []ocispec.Descriptor
	for _, l := range layers {
		desc, err := oras.PushBytes(t.Context(), store, l.mediaType, l.content)
		if err != nil { // the same content again
			desc = artifact.NewBlob(l.mediaType, l.content).Descriptor
		}
		desc.Annotations = map[string]string{}
		if l.title != "" {
			desc.Annotations[ocispec.AnnotationTitle] = l.title
		}
		if l.unpack {
			desc.Annotations[artifact.AnnotationUnpack] = "true"
		}
		descs = append(descs, desc)
	}
	pack(t, repo, store, descs)
}

func TestForeignLayers(t *testing.T) {
	registry := testregistry.Start(t)
	for name, test := range map[string]struct {
		layers []layer
		want   []string
		warn   int
	}{
		"oras-py packs a directory without an annotation": {
			layers: []layer{{tarGzip, "data", false, archive(t, folder("data"), regular("data/f"))}},
			want:   []string{`dir "data" ""`, `file "data/f"`},
		},
		"oras-py titles it with its path and names it by its base": {
			layers: []layer{{tarGzip, "a/data", false, archive(t, regular("data/f"), hardlink("data/h", "data/f"))}},
			want:   []string{`dir "a" ""`, `dir "a/data" ""`, `file "a/data/f"`, `file "a/data/h"`},
		},
		"a titled archive with an archive's suffix is a file": {
			layers: []layer{{tarGzip, "data.tar.gz", false, archive(t, regular("f"))}},
			want:   []string{`file "data.tar.gz"`},
		},
		"Helm charts have no title": {
			layers: []layer{{helm, "", false, archive(t, regular("chart/Chart.yaml"))}},
			want:   []string{`dir "chart" ""`, `file "chart/Chart.yaml"`},
		},
		"what has neither title nor a known type is left out": {
			layers: []layer{{"text/plain", "", false, []byte("x")}, {"text/plain", "f", false, []byte("y")}},
			want:   []string{`file "f"`}, warn: 1,
		},
		"image layers replace and delete": {
			layers: []layer{
				{tarGzip, "", false, archive(t, regular("a"), regular("d/one"), regular("d/two"), regular("o/hidden"), regular("x"), folder("y"))},
				{tarGzip, "", false, archive(t, regular(".wh.a"), regular("d/.wh.one"), regular("o/.wh..wh..opq"), regular("o/new"), folder("x"), regular("y"))},
				{tarGzip, "", false, archive(t, regular("d/three"))},
			},
			want: []string{`dir "d" ""`, `file "d/three"`, `file "d/two"`, `dir "o" ""`, `file "o/new"`, `dir "x" ""`, `file "y"`},
		},
		"a deleted name may be made again in the same layer": {
			layers: []layer{
				{tarGzip, "", false, archive(t, regular("d/old"))},
				{tarGzip, "", false, archive(t, regular(".wh.d"), regular("d/new"))},
			},
			want: []string{`dir "d" ""`, `file "d/new"`},
		},
		"devices are left out": {
			layers: []layer{{tarGzip, ".", true, archive(t, entry{tar.TypeChar, "null", ""}, regular("f"))}},
			want:   []string{`file "f"`}, warn: 1,
		},
		"symlinks are made last and kept as they are": {
			layers: []layer{{tarGzip, ".", true, archive(t, symlink("l", "/etc"), regular("f"))}},
			want:   []string{`file "f"`, `symlink "l" "/etc"`},
		},
		"a plain file may have the media type of a tar": {
			layers: []layer{{ocispec.MediaTypeImageLayer, "./d/f", false, []byte("abc")}},
			want:   []string{`dir "d" ""`, `file "d/f"`},
		},
	} {
		t.Run(name, func(t *testing.T) {
			repo := repository(t, registry, "foreign")
			pushLayers(t, repo, test.layers...)
			into := t.TempDir()
			result := pull(t, repo, "v1", into)
			assert.DeepEqual(t, contents(t, into), test.want)
			assert.Equal(t, len(result.Warnings), test.warn, "%v", result.Warnings)
		})
	}
}

func TestE76HostileArtifactsLeaveNothing(t *testing.T) {
	outside := filepath.Join(t.TempDir(), "out")
	registry := testregistry.Start(t)
	unpacked := func(title string, entries ...entry) []layer {
		return []layer{{tarGzip, title, true, archive(t, entries...)}}
	}
	for name, test := range map[string]struct {
		layers []layer
		want   error
		named  string // the entry, or title, in the error
	}{
		"a name that leads out":               {unpacked(".", regular("ok"), regular("../out")), artifact.ErrUnsafe, `"../out"`},
		"an absolute name":                    {unpacked(".", regular(outside)), artifact.ErrUnsafe, strconv.Quote(outside)},
		"a name outside of its title":         {unpacked("d", regular("e/f")), artifact.ErrUnsafe, `"e/f"`},
		"a title that leads out":              {unpacked("../d", regular("../d/f")), artifact.ErrUnsafe, `"../d/f"`},
		"a title that is absolute":            {unpacked("/tmp/d", regular("f")), artifact.ErrUnsafe, `"f"`},
		"a file titled to lead out":           {[]layer{{"text/plain", "../out", false, []byte("x")}}, artifact.ErrUnsafe, `"../out"`},
		"a file titled with the root":         {[]layer{{"text/plain", "./", false, []byte("x")}}, artifact.ErrUnsafe, `"./"`},
		"an oras-py title that leads out":     {[]layer{{tarGzip, "../d", false, archive(t, regular("d/f"))}}, artifact.ErrUnsafe, `"d/f"`},
		"a symlink that a file goes through":  {unpacked(".", symlink("d", ".."), regular("d/out")), artifact.ErrUnsafe, `"d/out"`},
		"a symlink that becomes a file":       {unpacked(".", symlink("f", "../out"), regular("f")), artifact.ErrUnsafe, `"f"`},
		"a file that becomes a symlink":       {unpacked(".", regular("f"), symlink("f", "../out")), artifact.ErrUnsafe, `"f"`},
		"a directory that becomes a symlink":  {unpacked(".", folder("d"), symlink("d", ".."), regular("d/out")), artifact.ErrUnsafe, `"d"`},
		"a hard link to what is outside":      {unpacked(".", hardlink("h", "../secret")), artifact.ErrUnsafe, `"h"`},
		"a hard link to an absolute path":     {unpacked(".", hardlink("h", "/etc/passwd")), artifact.ErrUnsafe, `"h"`},
		"a hard link to what was there":       {unpacked(".", hardlink("h", "there")), artifact.ErrUnsafe, `"h"`},
		"a hard link to a symlink":            {unpacked(".", symlink("l", "../secret"), hardlink("h", "l")), artifact.ErrUnsafe, `"h"`},
		"a hard link to a directory":          {unpacked(".", folder("d"), hardlink("h", "d")), artifact.ErrUnsafe, `"h"`},
		"a whiteout that leads out":           {[]layer{{tarGzip, "", false, archive(t, regular("d/.wh..."))}}, artifact.ErrUnsafe, `"d/.wh..."`},
		"one file twice":                      {unpacked(".", regular("f"), regular("f")), artifact.ErrUnsafe, `"f"`},
		"a layer that is no archive at all":   {[]layer{{tarGzip, ".", true, []byte(strings.Repeat("x", 2000))}}, tar.ErrHeader, "the first entry"},
		"more than a caller wants":            {unpacked(".", regular(strings.Repeat("n", 200))), artifact.ErrTooLarge, strings.Repeat("n", 200)},
		"a file that is larger than a caller": {[]layer{{"text/plain", "f", false, make([]byte, 101)}}, artifact.ErrTooLarge, `"f"`},
	} {
		t.Run(name, func(t *testing.T) {
			repo := repository(t, registry, "hostile")
			pushLayers(t, repo, test.layers...)
			root := fs.NewDir(t, "root", fs.WithFile("secret", "s"), fs.WithDir("into", fs.WithFile("there", "x")))
			before := describe(t, root.Join("into"))
			_, err := pullInto(t.Context(), repo, "v1", root.Join("into"), transfer.PullOptions{MaxBytes: 100})
			assert.ErrorIs(t, err, test.want)
			assert.ErrorContains(t, err, test.named)
			assert.Assert(t, transfer.Final(err), err)
			assert.DeepEqual(t, describe(t, root.Join("into"))[0], before[0])
			for _, dir := range []string{root.Path(), root.Join("into")} {
				found, err := os.ReadDir(dir)
				assert.NilError(t, err)
				assert.Equal(t, len(found), map[string]int{root.Path(): 2, root.Join("into"): 1}[dir], "%v", found)
			}
			_, err = os.Lstat(outside)
			assert.Assert(t, os.IsNotExist(err))
		})
	}
}

// pushIndexed pushes one of our own artifacts whose index and layers do not fit.
func pushIndexed(t *testing.T, repo *remote.Repository, x artifact.Index, layers ...artifact.Blob) {
	t.Helper()
	var descs []ocispec.Descriptor
	for _, blob := range layers {
		assert.NilError(t, repo.Push(t.Context(), blob.Descriptor, bytes.NewReader(blob.Content)))
		descs = append(descs, blob.Descriptor)
	}
	manifest, others, err := artifact.NewManifest(descs, x.All(), artifact.Lineage{})
	assert.NilError(t, err)
	for _, blob := range others {
		assert.NilError(t, repo.Push(t.Context(), blob.Descriptor, bytes.NewReader(blob.Content)))
	}
	assert.NilError(t, repo.PushReference(t.Context(), manifest.Descriptor, bytes.NewReader(manifest.Content), "v1"))
}

func packBlob(content []byte) artifact.Blob {
	blob := artifact.NewBlob(artifact.MediaTypePack, content)
	blob.Descriptor.Annotations = map[string]string{ocispec.AnnotationTitle: ".", artifact.AnnotationUnpack: "true"}
	return blob
}

func TestE76AnIndexThatLiesIsRefused(t *testing.T) {
	registry := testregistry.Start(t)
	raw := artifact.NewBlob(artifact.MediaTypeRaw, []byte("abc"))
	entryOf := func(p tree.Path, content string, layer int) artifact.Entry {
		return artifact.Entry{
			Entry:  tree.Entry{Path: p, Type: tree.File, Size: int64(len(content))},
			Digest: artifact.NewBlob("", []byte(content)).Descriptor.Digest, Layer: layer,
		}
	}
	for name, test := range map[string]struct {
		layer   artifact.Blob
		entries []artifact.Entry
		want    error
	}{
		"about the content of a raw layer":   {raw, []artifact.Entry{entryOf("f", "abd", 0)}, artifact.ErrInvalidIndex},
		"about two files in a raw layer":     {raw, []artifact.Entry{entryOf("f", "abc", 0), entryOf("g", "abc", 0)}, artifact.ErrInvalidIndex},
		"about the content of a packed file": {packBlob(archive(t, regular("f"))), []artifact.Entry{entryOf("f", "g", 0)}, transfer.ErrDigest},
		"about the size of a packed file":    {packBlob(archive(t, regular("f"))), []artifact.Entry{entryOf("f", "ff", 0)}, artifact.ErrUnsafe},
		"about a file that is not there":     {packBlob(archive(t, regular("f"))), []artifact.Entry{entryOf("f", "f", 0), entryOf("g", "g", 0)}, artifact.ErrInvalidIndex},
		"about a file that is there":         {packBlob(archive(t, regular("f"), regular("g"))), []artifact.Entry{entryOf("f", "f", 0), entryOf("gg", "g", 0)}, artifact.ErrUnsafe},
		"about a file that is there twice":   {packBlob(archive(t, regular("f"), regular("f"))), []artifact.Entry{entryOf("f", "f", 0), entryOf("g", "g", 0)}, artifact.ErrUnsafe},
		"about a path that leads out":        {raw, []artifact.Entry{entryOf("../f", "abc", 0)}, artifact.ErrInvalidIndex},
		"about more bytes than are wanted":   {raw, []artifact.Entry{entryOf("f", strings.Repeat("x", 2000), 0)}, artifact.ErrTooLarge},
	} {
		t.Run(name, func(t *testing.T) {
			repo := repository(t, registry, "lying")
			pushIndexed(t, repo, artifact.Index{Version: 1, Entries: test.entries}, test.layer)
			into := t.TempDir()
			_, err := pullInto(t.Context(), repo, "v1", into, transfer.PullOptions{MaxBytes: 1000})
			assert.ErrorIs(t, err, test.want)
			assert.Assert(t, transfer.Final(err), err)
			isEmpty(t, into)
		})
	}
}

func TestAnImageIndexIsTakenByPlatform(t *testing.T) {
	repo := repository(t, testregistry.Start(t), "platforms")
	var x ocispec.Index
	x.SchemaVersion, x.MediaType = 2, ocispec.MediaTypeImageIndex
	for _, arch := range []string{"amd64", "arm64"} {
		pushLayers(t, repo, layer{"text/plain", arch, false, []byte(arch)})
		desc, err := transfer.Resolve(t.Context(), repo, "v1", quick())
		assert.NilError(t, err)
		desc.Platform = &ocispec.Platform{OS: "linux", Architecture: arch}
		x.Manifests = append(x.Manifests, desc)
	}
	content, err := json.Marshal(x)
	assert.NilError(t, err)
	blob := artifact.NewBlob(ocispec.MediaTypeImageIndex, content)
	assert.NilError(t, repo.PushReference(t.Context(), blob.Descriptor, bytes.NewReader(content), "multi"))
	into := t.TempDir()
	_, err = pullInto(t.Context(), repo, "multi", into, transfer.PullOptions{Platform: &ocispec.Platform{OS: "linux", Architecture: "arm64"}})
	assert.NilError(t, err)
	assert.DeepEqual(t, contents(t, into), []string{`file "arm64"`})
	_, err = pullInto(t.Context(), repo, "multi", into, transfer.PullOptions{Platform: &ocispec.Platform{OS: "linux", Architecture: "mips"}})
	assert.ErrorIs(t, err, transfer.ErrNotFound)
	assert.ErrorContains(t, err, "linux/mips")
}

func TestAPullThatFailsAtCommitLeavesTheTreeAsItWas(t *testing.T) {
	repo := repository(t, testregistry.Start(t), "occupied")
	push(t, repo, "v1", fs.NewDir(t, "from", fs.WithFile("d", "a file")).Path())
	into := fs.NewDir(t, "into", fs.WithDir("d", fs.WithFile("precious", "")))
	_, err := pullInto(t.Context(), repo, "v1", into.Path(), transfer.PullOptions{})
	assert.ErrorIs(t, err, tree.ErrOccupied)
	assert.Assert(t, transfer.Final(err))
	assert.DeepEqual(t, contents(t, into.Path()), []string{`dir "d" ""`, `file "d/precious"`})
	_, err = os.Stat(filepath.Join(into.Path(), "d/precious"))
	assert.NilError(t, err)
}

func TestASinkThatFailsIsOnTheSideOfTheTree(t *testing.T) {
	repo := repository(t, testregistry.Start(t), "sink")
	push(t, repo, "v1", fs.NewDir(t, "from", fs.WithFile("f", "abc")).Path())
	sink := &fullSink{}
	_, err := transfer.Pull(t.Context(), repo, "v1", sink, transfer.PullOptions{})
	assert.ErrorIs(t, err, os.ErrPermission)
	assert.Assert(t, sink.aborted)
	var failure *transfer.Error
	assert.Assert(t, errors.As(err, &failure))
	assert.Equal(t, failure.Side, transfer.SideTree)
}

// fullSink creates nothing.
type fullSink struct {
	transfer.Sink
	aborted bool
}

func (*fullSink) Make(context.Context, []tree.Entry) error { return nil }

func (*fullSink) Create(context.Context, []tree.Entry) ([]io.WriteCloser, error) {
	return nil, os.ErrPermission
}

func (s *fullSink) Abort(context.Context) error {
	s.aborted = true
	return nil
}
