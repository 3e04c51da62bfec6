package transfer_test

import (
	"math/rand/v2"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"gotest.tools/v3/assert"
	"oras.land/oras-go/v2/registry/remote"

	"github.com/converged-computing/oras-operator/pkg/artifact"
	"github.com/converged-computing/oras-operator/pkg/transfer"
	"github.com/converged-computing/oras-operator/pkg/transfer/internal/testregistry"
	"github.com/converged-computing/oras-operator/pkg/tree"
)

// FuzzTreesSurvive holds for random trees that what is pulled equals what was pushed, to the last mode, time and link, and
// that stock clients get the same but for what pkg/artifact/README.md says.
func FuzzTreesSurvive(f *testing.F) {
	for seed := range uint64(4) {
		f.Add(seed, byte(20+30*seed), seed%2 == 1)
	}
	registry := testregistry.Start(f)
	f.Fuzz(func(t *testing.T, seed uint64, entries byte, gzip bool) {
		from, into := freeTemp(t), freeTemp(t)
		plant(t, rand.New(rand.NewPCG(seed, 1)), from, int(entries))
		repo, compression := repository(t, registry, "random/tree"), artifact.Auto
		if gzip {
			compression = artifact.Gzip
		}
		pushed, err := transfer.Push(t.Context(), repo, "v1", transfer.Directory(from), transfer.PushOptions{Retry: quick(), Compression: compression})
		assert.NilError(t, err)
		pulled := pull(t, repo, "v1", into)
		assert.DeepEqual(t, describe(t, into), describe(t, from))
		assert.Equal(t, pulled.Descriptor.Digest, pushed.Descriptor.Digest)
		assert.Equal(t, pulled.Bytes, pushed.Bytes)
		assert.Equal(t, pulled.Files, pushed.Files)
		assertStockEqual(t, repo, stockPull(t, repo, 1+int(seed%16)), from)
	})
}

// assertStockEqual compares what a stock client pulled from tag v1 with what was pushed.
func assertStockEqual(t *testing.T, repo *remote.Repository, got, from string) {
	t.Helper()
	assert.DeepEqual(t, contents(t, got), withoutPaths(contents(t, from), unseenBy(t, repo)...))
	_, index, err := transfer.Files(t.Context(), repo, "v1", quick())
	assert.NilError(t, err)
	listed := map[tree.Path]artifact.Entry{}
	for _, e := range index.Entries {
		listed[e.Path] = e
	}
	for _, e := range listed {
		if e.Layer == artifact.NoLayer || e.Type == tree.Symlink {
			continue
		}
		of := e
		if e.Type == tree.Hardlink {
			of = listed[e.Link]
		}
		path := filepath.Join(got, string(e.Path))
		info, err := os.Stat(path)
		assert.NilError(t, err)
		if of.Type == tree.Dir {
			assert.Equal(t, info.Mode().Perm()&0o700, os.FileMode(0o700), path) // the rest is lost where a layer comes before its directory's
			continue
		}
		assertSameFile(t, path, filepath.Join(from, string(e.Path)))
		if raw := of.Offset == 0; !raw {
			const umask = 0o022
			assert.Equal(t, uint32(info.Mode().Perm()&^umask), of.Mode&0o777&^umask, "%s", path)
			assert.Equal(t, info.ModTime().Unix(), of.ModTime.Unix(), "%s", path)
		}
	}
}

// unseenBy returns the links of tag v1 that stock clients do not get. There is nothing else that they do not.
func unseenBy(t *testing.T, repo *remote.Repository) []string {
	t.Helper()
	_, index, err := transfer.Files(t.Context(), repo, "v1", quick())
	assert.NilError(t, err)
	var unseen []string
	for _, e := range index.Entries {
		if e.Layer == artifact.NoLayer {
			unseen = append(unseen, string(e.Path))
			assert.Assert(t, e.Type == tree.Symlink || e.Type == tree.Hardlink, "%s is a %s that stock clients miss", e.Path, e.Type)
		}
	}
	return unseen
}

// FuzzArchivesStayInside holds that no archive leads out of the target, that a pull which fails leaves nothing, and that its
// error names the entry. Each byte of kinds is the type of one entry, each line of names and links belongs to one.
func FuzzArchivesStayInside(f *testing.F) {
	f.Add("0", "../out", "")
	f.Add("20", "d\nd/out", "..\n")
	f.Add("501", "d\nd/f\nh", "\n\n../secret")
	f.Add("0210", "f\nf\nf\n/abs", "\n../out\nf\n")
	f.Add("346", "char\nblock\nfifo", "")
	f.Add("0", "d/.wh...", "")
	f.Add("520", "./\n.\n.//x/../../y", "\n/\n")
	registry := testregistry.Start(f)
	f.Fuzz(func(t *testing.T, kinds, names, links string) {
		var entries []entry
		name, link := strings.Split(names, "\n"), strings.Split(links, "\n")
		for i := range min(len(kinds), len(name), 20) {
			e := entry{kind: kinds[i], name: name[i]}
			if kinds[i] < '0' || kinds[i] > '6' || len(e.name) > 300 {
				return // archive/tar would not write it
			}
			if i < len(link) && (kinds[i] == '1' || kinds[i] == '2') {
				e.link = link[i]
			}
			if strings.ContainsRune(e.name+e.link, 0) {
				return
			}
			entries = append(entries, e)
		}
		for as, l := range map[string]layer{"a directory": {tarGzip, ".", true, nil}, "an image's layer": {tarGzip, "", false, nil}} {
			content, err := tryArchive(entries)
			if err != nil {
				return
			}
			l.content = content
			repo, root := repository(t, registry, "fuzz"), freeTemp(t)
			growTree(t, root, map[string]string{"secret": "s", "into/there": "x"})
			pushLayers(t, repo, l)
			into := filepath.Join(root, "into")
			_, err = pullInto(t.Context(), repo, "v1", into, transfer.PullOptions{MaxBytes: 1 << 20})
			assert.DeepEqual(t, namesIn(t, root), []string{"into", "secret"})
			secret, readErr := os.ReadFile(filepath.Join(root, "secret"))
			assert.NilError(t, readErr)
			assert.Equal(t, string(secret), "s")
			if err != nil {
				assert.Assert(t, transfer.Final(err), err)
				assert.ErrorContains(t, err, "layer 0: unpacking ", as)
				assert.DeepEqual(t, namesIn(t, into), []string{"there"})
			}
		}
	})
}

func namesIn(t *testing.T, dir string) []string {
	t.Helper()
	found, err := os.ReadDir(dir)
	assert.NilError(t, err)
	names := []string{}
	for _, f := range found {
		names = append(names, f.Name())
	}
	return names
}
