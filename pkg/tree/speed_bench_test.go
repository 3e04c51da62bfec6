package tree_test

import (
	"fmt"
	"os"
	"path/filepath"
	"testing"
	"time"

	"gotest.tools/v3/assert"

	"github.com/converged-computing/oras-operator/pkg/tree"
)

// smallFiles are so many paths, 100 in each directory.
func smallFiles(n int) []tree.Path {
	var paths []tree.Path
	for i := range n {
		paths = append(paths, tree.Path(fmt.Sprintf("dir-%03d/file-%03d", i/100, i%100)))
	}
	return paths
}

func BenchmarkListOf10000(b *testing.B) {
	dir := b.TempDir()
	for _, p := range smallFiles(10_000) {
		path := filepath.Join(dir, string(p))
		assert.NilError(b, os.MkdirAll(filepath.Dir(path), 0o755))
		assert.NilError(b, os.WriteFile(path, []byte("small"), 0o644))
	}
	b.ReportAllocs()
	for b.Loop() {
		listing, err := tree.List(dir)
		assert.NilError(b, err)
		assert.Equal(b, len(listing.Entries), 10_100)
	}
}

func BenchmarkWriterOf1000(b *testing.B) {
	paths, content := smallFiles(1000), make([]byte, 4<<10)
	mtime := time.Date(2026, 1, 2, 3, 4, 5, 678, time.UTC)
	parent := b.TempDir()
	b.SetBytes(int64(len(paths) * len(content)))
	b.ReportAllocs()
	for i := 0; b.Loop(); i++ {
		target := filepath.Join(parent, fmt.Sprint(i))
		w, err := tree.NewWriter(target, tree.WriterOptions{})
		assert.NilError(b, err)
		for _, p := range paths {
			f, err := w.CreateEntry(tree.Entry{Path: p, Type: tree.File, Mode: 0o644, ModTime: mtime, Size: int64(len(content))})
			assert.NilError(b, err)
			_, err = f.Write(content)
			assert.NilError(b, err)
			assert.NilError(b, f.Close())
		}
		assert.NilError(b, w.Commit())
		b.StopTimer()
		assert.NilError(b, os.RemoveAll(target))
		b.StartTimer()
	}
}
