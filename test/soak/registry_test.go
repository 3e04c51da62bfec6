package soak

import (
	"io/fs"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"gotest.tools/v3/assert"

	"github.com/converged-computing/oras-operator/pkg/artifact"
	"github.com/converged-computing/oras-operator/pkg/registry"
	"github.com/converged-computing/oras-operator/pkg/registry/storage"
	"github.com/converged-computing/oras-operator/pkg/transfer"
	"github.com/converged-computing/oras-operator/test/sample"
)

func TestWhatATagNamesIsPulledAndHeldAgainstWhatTheStepMakes(t *testing.T) {
	made := Step{Name: "step", Tree: sample.Tree{Seed: 1, Files: 3, Bytes: 1000}}
	other := Step{Name: "step", Tree: sample.Tree{Seed: 2, Files: 3, Bytes: 1000}}
	nothing := func(t *testing.T, _ string) { t.Helper() }
	for name, tc := range map[string]struct {
		asked           Step
		spoil           func(t *testing.T, root string)
		broken, differs bool
	}{
		"what it makes":        {made, nothing, false, false},
		"something else":       {other, nothing, false, true},
		"without some content": {made, removeContent, true, false},
	} {
		t.Run(name, func(t *testing.T) {
			address, root := serve(t)
			push(t, address, made)
			tc.spoil(t, root)
			a, err := look(t.Context(), address, tc.asked)
			assert.NilError(t, err)
			assert.Equal(t, a.Broken != nil, tc.broken, "%v", a.Broken)
			assert.Equal(t, a.Differs != nil, tc.differs, "%v", a.Differs)
			assert.Assert(t, tc.broken || a.isOf(0))
		})
	}
}

func TestNothingIsSaidOfAnArtifactThatIsNotThereOrOutOfReach(t *testing.T) {
	address, root := serve(t)
	a, err := look(t.Context(), address, Step{Name: "step"})
	assert.NilError(t, err)
	assert.Assert(t, a == nil)
	push(t, address, Step{Name: "step", Tree: sample.Tree{Seed: 1, Files: 1}})
	removeManifest(t, root)
	a, err = look(t.Context(), address, Step{Name: "step"})
	assert.NilError(t, err)
	assert.Assert(t, a == nil, "a Complete step without its artifact is reported")
	_, err = look(t.Context(), "127.0.0.1:1", Step{Name: "step"})
	assert.Assert(t, err != nil)
}

// serve runs a registry, and returns its address and where its data is.
func serve(t *testing.T) (address, root string) {
	t.Helper()
	root = t.TempDir()
	handler, err := registry.New(registry.Config{Storage: storage.Config{Root: root}})
	assert.NilError(t, err)
	server := httptest.NewServer(handler)
	t.Cleanup(func() {
		server.Close()
		assert.NilError(t, handler.Close())
	})
	return strings.TrimPrefix(server.URL, "http://"), root
}

// push pushes what a step makes, as its sidecar does.
func push(t *testing.T, address string, s Step) {
	t.Helper()
	dir := t.TempDir()
	assert.NilError(t, s.Tree.Write(dir))
	repo, err := transfer.Registry{Host: address, PlainHTTP: true}.Repository(s.Name)
	assert.NilError(t, err)
	_, err = transfer.Push(t.Context(), repo, transfer.DefaultTag, transfer.Directory(dir),
		transfer.PushOptions{Lineage: artifact.Lineage{ExitCode: new(0)}})
	assert.NilError(t, err)
}

// removeContent removes the largest of the blobs, and removeManifest what a tag leads to, as a broken disk does.
func removeContent(t *testing.T, root string) {
	t.Helper()
	var largest string
	var size int64
	assert.NilError(t, filepath.WalkDir(root, func(path string, entry fs.DirEntry, err error) error {
		if err != nil || entry.Name() != "data" {
			return err
		}
		info, err := entry.Info()
		if err == nil && info.Size() > size {
			largest, size = path, info.Size()
		}
		return err
	}))
	assert.NilError(t, os.Remove(largest))
}

func removeManifest(t *testing.T, root string) {
	t.Helper()
	link, err := os.ReadFile(filepath.Join(root, "docker/registry/v2/repositories/step/_manifests/tags", transfer.DefaultTag, "current/link"))
	assert.NilError(t, err)
	digest := strings.TrimPrefix(string(link), "sha256:")
	assert.NilError(t, os.Remove(filepath.Join(root, "docker/registry/v2/blobs/sha256", digest[:2], digest, "data")))
}
