package artifact_test

import (
	"archive/tar"
	"bytes"
	"compress/gzip"
	"crypto/rand"
	"io"
	"strings"
	"testing"
	"time"

	"github.com/klauspost/compress/zstd"
	"github.com/opencontainers/go-digest"
	"gotest.tools/v3/assert"

	"github.com/converged-computing/oras-operator/pkg/artifact"
	"github.com/converged-computing/oras-operator/pkg/tree"
)

// visited is one entry of an archive with its content.
type visited struct {
	tree.Entry
	content string
}

func unpack(t *testing.T, archive []byte, budget *artifact.Budget) ([]visited, error) {
	t.Helper()
	var all []visited
	err := artifact.Unpack(bytes.NewReader(archive), budget, func(e tree.Entry, r io.Reader) error {
		v := visited{Entry: e}
		if e.Type == tree.File {
			content, err := io.ReadAll(r)
			if err != nil {
				return err
			}
			v.content = string(content)
		}
		all = append(all, v)
		return nil
	})
	return all, err
}

func pack(t *testing.T) ([]byte, artifact.Placement) {
	t.Helper()
	var out bytes.Buffer
	p := artifact.NewPackWriter(&out, artifact.Auto)
	d := dir("d")
	d.Mode, d.ModTime = 0o4555, time.Unix(1000, 999_999_999)
	_, err := p.Add(d, nil)
	assert.NilError(t, err)
	f := file("d/f", 3)
	f.ModTime = time.Unix(-10, 500)
	place, err := p.Add(f, strings.NewReader("abc"))
	assert.NilError(t, err)
	for _, e := range []tree.Entry{hard("d/h", "d/f"), link("d/\xff", "f"), file(tree.Path(strings.Repeat("n/", 150)+"n"), 0)} {
		_, err = p.Add(e, strings.NewReader(""))
		assert.NilError(t, err)
	}
	assert.NilError(t, p.Close())
	return out.Bytes(), place
}

func TestPackSurvivesUnpacking(t *testing.T) {
	packed, place := pack(t)
	got, err := unpack(t, packed, artifact.NewBudget(0))
	assert.NilError(t, err)
	assert.Equal(t, len(got), 5)
	assert.Equal(t, got[0].Mode, uint32(0o755), "directories are writable in a pack")
	assert.Assert(t, got[0].ModTime.Equal(time.Unix(1000, 0)), got[0].ModTime)
	assert.Equal(t, got[1].content, "abc")
	assert.Assert(t, got[1].ModTime.Equal(time.Unix(-10, 0)), got[1].ModTime)
	assert.Equal(t, got[2].Link, tree.Path("d/f"))
	assert.Assert(t, got[2].Mode == 0o644 && got[2].ModTime.Equal(time.Unix(-10, 0)), "a hard link is like its file")
	assert.Equal(t, got[3].Path, tree.Path("d/\xff"))
	assert.Equal(t, len(got[4].Path), 301)
	assert.Equal(t, place.Digest, digest.FromString("abc"))

	plain, err := gzip.NewReader(bytes.NewReader(packed))
	assert.NilError(t, err)
	archive, err := io.ReadAll(plain)
	assert.NilError(t, err)
	assert.Equal(t, string(archive[place.Offset:place.Offset+3]), "abc")
}

func TestPackIsReproducibleAndAnonymous(t *testing.T) {
	first, _ := pack(t)
	second, _ := pack(t)
	assert.Assert(t, bytes.Equal(first, second))
	z, err := gzip.NewReader(bytes.NewReader(first))
	assert.NilError(t, err)
	assert.Equal(t, z.Name, "")
	assert.Assert(t, z.ModTime.IsZero())
	assert.Equal(t, z.OS, byte(255))
	h, err := tar.NewReader(z).Next()
	assert.NilError(t, err)
	assert.Equal(t, h.Uid+h.Gid, 0)
	assert.Equal(t, h.Uname+h.Gname, "")
	assert.Equal(t, h.Format, tar.FormatUSTAR)
}

func TestPackRefusesContentOfAnotherSize(t *testing.T) {
	for name, content := range map[string]string{"too little": "ab", "too much": "abcd"} {
		t.Run(name, func(t *testing.T) {
			_, err := artifact.NewPackWriter(io.Discard, artifact.Auto).Add(file("f", 3), strings.NewReader(content))
			assert.ErrorContains(t, err, "packing f")
		})
	}
}

func TestCompressionLevels(t *testing.T) {
	noise := make([]byte, 64<<10)
	_, _ = rand.Read(noise)
	text := []byte(strings.Repeat("all work and no play ", 4000))
	for name, test := range map[string]struct {
		compression artifact.Compression
		sample      []byte
		want        int
	}{
		"auto compresses text":    {artifact.Auto, text, gzip.BestSpeed},
		"auto stores noise":       {artifact.Auto, noise, gzip.NoCompression},
		"auto of nothing":         {artifact.Auto, nil, gzip.BestSpeed},
		"the default is auto":     {"", noise, gzip.NoCompression},
		"none stores text":        {artifact.None, text, gzip.NoCompression},
		"gzip compresses anyways": {artifact.Gzip, noise, gzip.DefaultCompression},
	} {
		t.Run(name, func(t *testing.T) { assert.Equal(t, test.compression.Level(test.sample), test.want) })
	}
}

func TestParseCompression(t *testing.T) {
	for _, s := range []string{"", "auto", "none", "gzip"} {
		_, err := artifact.ParseCompression(s)
		assert.NilError(t, err)
	}
	_, err := artifact.ParseCompression("zip")
	assert.ErrorContains(t, err, "auto, none, gzip")
}

// archive makes a tar of headers; files hold zeros.
func archive(t *testing.T, headers ...tar.Header) []byte {
	t.Helper()
	var out bytes.Buffer
	w := tar.NewWriter(&out)
	for _, h := range headers {
		assert.NilError(t, w.WriteHeader(&h))
		_, err := io.CopyN(w, zeros{}, h.Size)
		assert.NilError(t, err)
	}
	assert.NilError(t, w.Close())
	return out.Bytes()
}

type zeros struct{}

func (zeros) Read(b []byte) (int, error) {
	clear(b)
	return len(b), nil
}

func TestE76UnpackRefusesUnsafeArchives(t *testing.T) {
	for name, h := range map[string]tar.Header{
		"an absolute name":               {Typeflag: tar.TypeReg, Name: "/etc/passwd"},
		"a name that leads out":          {Typeflag: tar.TypeReg, Name: "a/../../x"},
		"a name with dots that stays":    {Typeflag: tar.TypeReg, Name: "a/../x"},
		"a directory that is above":      {Typeflag: tar.TypeDir, Name: "../"},
		"a root that is a symlink":       {Typeflag: tar.TypeSymlink, Name: "./", Linkname: "/"},
		"a hard link to an absolute one": {Typeflag: tar.TypeLink, Name: "x", Linkname: "/etc/passwd"},
		"a hard link that leads out":     {Typeflag: tar.TypeLink, Name: "x", Linkname: "../passwd"},
		"a symlink to nothing":           {Typeflag: tar.TypeSymlink, Name: "x"},
		"a name that is too long":        {Typeflag: tar.TypeReg, Name: strings.Repeat("n", 300)},
		"a path that is too long":        {Typeflag: tar.TypeReg, Name: strings.Repeat("n/", 3000) + "n"},
	} {
		t.Run(name, func(t *testing.T) {
			_, err := unpack(t, archive(t, h), artifact.NewBudget(0))
			assert.ErrorIs(t, err, artifact.ErrUnsafe)
			assert.ErrorContains(t, err, "unpacking")
		})
	}
}

func TestUnpackMakesNamesPaths(t *testing.T) {
	got, err := unpack(t, archive(t,
		tar.Header{Typeflag: tar.TypeXGlobalHeader, PAXRecords: map[string]string{"comment": "x"}},
		tar.Header{Typeflag: tar.TypeDir, Name: "./"}, tar.Header{Typeflag: tar.TypeDir, Name: "./d/"},
		tar.Header{Typeflag: tar.TypeReg, Name: "./d//f"}, tar.Header{Typeflag: tar.TypeFifo, Name: "pipe"},
		tar.Header{Typeflag: tar.TypeLink, Name: "h", Linkname: "./d/f"},
	), artifact.NewBudget(0))
	assert.NilError(t, err)
	var paths []tree.Path
	for _, v := range got {
		paths = append(paths, v.Path)
	}
	assert.DeepEqual(t, paths, []tree.Path{"d", "d/f", "pipe", "h"})
	assert.Equal(t, got[2].Type, tree.Type(""))
	assert.Equal(t, got[3].Link, tree.Path("d/f"))
}

func TestE76UnpackKeepsToItsBudget(t *testing.T) {
	data := archive(t, tar.Header{Typeflag: tar.TypeReg, Name: "a", Size: 1000}, tar.Header{Typeflag: tar.TypeReg, Name: "b", Size: 1000})
	_, err := unpack(t, data, &artifact.Budget{Entries: 2, Bytes: 2000})
	assert.NilError(t, err)
	_, err = unpack(t, data, &artifact.Budget{Entries: 2, Bytes: 1999})
	assert.ErrorIs(t, err, artifact.ErrTooLarge)
	_, err = unpack(t, data, &artifact.Budget{Entries: 1, Bytes: 2000})
	assert.ErrorIs(t, err, tree.ErrTooMany)
}

func TestUnpackReadsEveryCompressionToItsEnd(t *testing.T) {
	plain := archive(t, tar.Header{Typeflag: tar.TypeReg, Name: "f", Size: 3})
	var zipped, standard bytes.Buffer
	z := gzip.NewWriter(&zipped)
	_, _ = z.Write(plain)
	assert.NilError(t, z.Close())
	s, err := zstd.NewWriter(&standard)
	assert.NilError(t, err)
	_, _ = s.Write(plain)
	assert.NilError(t, s.Close())
	for name, data := range map[string][]byte{"tar": plain, "gzip": zipped.Bytes(), "zstd": standard.Bytes()} {
		t.Run(name, func(t *testing.T) {
			in := bytes.NewReader(append(bytes.Clone(data), make([]byte, 100_000)...))
			count := 0
			assert.NilError(t, artifact.Unpack(in, artifact.NewBudget(0), func(tree.Entry, io.Reader) error {
				count++
				return nil
			}))
			assert.Equal(t, count, 1)
			assert.Equal(t, in.Len(), 0, "what follows an archive belongs to the blob")
		})
	}
}

func TestE76UnpackRefusesWhatIsCutOff(t *testing.T) {
	packed, _ := pack(t)
	_, err := unpack(t, packed[:len(packed)/2], artifact.NewBudget(0))
	assert.ErrorIs(t, err, io.ErrUnexpectedEOF)
}

func FuzzUnpack(f *testing.F) {
	f.Add([]byte{0x1f, 0x8b, 8, 0})
	f.Add([]byte{0x28, 0xb5, 0x2f, 0xfd})
	f.Add(make([]byte, 1024))
	f.Fuzz(func(t *testing.T, data []byte) {
		_ = artifact.Unpack(bytes.NewReader(data), artifact.NewBudget(1<<20), func(e tree.Entry, r io.Reader) error {
			assert.NilError(t, tree.ValidPath(e.Path))
			n, err := io.Copy(io.Discard, r)
			assert.Assert(t, n <= 1<<20)
			return err
		})
	})
}

func FuzzCleanName(f *testing.F) {
	for _, seed := range []string{"a", "./a/", "a//b", "..", "a/..", "/a", ".", "", "a/./b", "\xff", "..a", "a\x00", strings.Repeat("n/", 3000)} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, name string) {
		p, err := artifact.CleanName(name)
		if err != nil {
			assert.ErrorIs(t, err, artifact.ErrUnsafe)
			assert.Assert(t, len(err.Error()) < len(name)*4+200)
			return
		}
		if p != "." {
			assert.NilError(t, tree.ValidPath(p))
		}
		again, err := artifact.CleanName(string(p))
		assert.NilError(t, err)
		assert.Equal(t, again, p)
	})
}
