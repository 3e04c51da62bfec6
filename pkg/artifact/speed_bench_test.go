package artifact_test

import (
	"bytes"
	"fmt"
	"io"
	"math/rand/v2"
	"slices"
	"testing"
	"time"

	"gotest.tools/v3/assert"

	"github.com/converged-computing/oras-operator/pkg/artifact"
	"github.com/converged-computing/oras-operator/pkg/tree"
)

// noise is a pack's worth of bytes that do not shrink.
func noise() []byte {
	content := make([]byte, artifact.PackSize)
	_, _ = rand.NewChaCha8([32]byte{}).Read(content) // it never fails
	return content
}

// prose is a pack's worth of lines of numbers.
func prose() []byte {
	rng := rand.New(rand.NewPCG(1, 1))
	content := make([]byte, 0, artifact.PackSize+100)
	for step := 0; len(content) < artifact.PackSize; step++ {
		content = fmt.Appendf(content, "step %d energy %.6f temperature %.3f\n", step, rng.NormFloat64(), 300+rng.Float64())
	}
	return content[:artifact.PackSize]
}

func BenchmarkGzipOfAPack(b *testing.B) {
	for name, content := range map[string][]byte{"noise": noise(), "text": prose()} {
		b.Run(name, func(b *testing.B) {
			level := artifact.Auto.Level(content)
			b.SetBytes(int64(len(content)))
			b.ReportAllocs()
			for b.Loop() {
				zip, err := artifact.NewGzip(io.Discard, level)
				assert.NilError(b, err)
				_, err = zip.Write(content)
				assert.NilError(b, err)
				assert.NilError(b, zip.Close())
			}
		})
	}
}

func BenchmarkTarOfAPack(b *testing.B) {
	const size = 4 << 10
	content := noise()
	entries := files("file-", len(content)/size, size)
	b.SetBytes(int64(len(content)))
	b.ReportAllocs()
	for b.Loop() {
		pack := artifact.NewPackWriter(io.Discard, artifact.None)
		for i, e := range entries {
			_, err := pack.Add(e, bytes.NewReader(content[i*size:(i+1)*size]))
			assert.NilError(b, err)
		}
		assert.NilError(b, pack.Close())
	}
}

func BenchmarkUnpackOfAPack(b *testing.B) {
	const size = 4 << 10
	var packed bytes.Buffer
	pack, content := artifact.NewPackWriter(&packed, artifact.Auto), prose()
	for i, e := range files("file-", len(content)/size, size) {
		_, err := pack.Add(e, bytes.NewReader(content[i*size:(i+1)*size]))
		assert.NilError(b, err)
	}
	assert.NilError(b, pack.Close())
	b.SetBytes(int64(len(content)))
	b.ReportAllocs()
	for b.Loop() {
		err := artifact.Unpack(bytes.NewReader(packed.Bytes()), artifact.NewBudget(0), func(_ tree.Entry, r io.Reader) error {
			_, err := io.Copy(io.Discard, r)
			return err
		})
		assert.NilError(b, err)
	}
}

// manyEntries are those of a tree of 100,000 files in 1,000 directories.
func manyEntries() []tree.Entry {
	var all []tree.Entry
	mtime := time.Date(2026, 1, 2, 3, 4, 5, 678, time.UTC)
	for d := range 1000 {
		under := tree.Path(fmt.Sprintf("dir-%03d", d))
		all = append(all, dir(under))
		all = append(all, files(under+"/file-", 100, 4<<10)...)
	}
	for i := range all {
		all[i].ModTime = mtime
	}
	return all
}

func manyIndexed() artifact.Index {
	x := artifact.Index{Version: artifact.IndexVersion}
	for i, e := range manyEntries() {
		entry := indexed(e, i/2000)
		if e.Type == tree.File {
			entry.Offset = int64(i%2000) * (4<<10 + 512)
		}
		x.Entries = append(x.Entries, entry)
	}
	return x
}

func BenchmarkEncodeIndexOf100000(b *testing.B) {
	x := manyIndexed()
	b.ReportAllocs()
	for b.Loop() {
		documents, err := artifact.EncodeIndex(x.All())
		assert.NilError(b, err)
		b.SetBytes(int64(len(bytes.Join(documents, nil))))
	}
}

func BenchmarkDecodeIndexOf100000(b *testing.B) {
	documents, err := artifact.EncodeIndex(manyIndexed().All())
	assert.NilError(b, err)
	b.SetBytes(int64(len(bytes.Join(documents, nil))))
	b.ReportAllocs()
	for b.Loop() {
		_, err := artifact.DecodeIndex(slices.Values(documents), 100)
		assert.NilError(b, err)
	}
}

func BenchmarkLayoutOf100000(b *testing.B) {
	listing := tree.Listing{Entries: manyEntries()}
	b.ReportAllocs()
	for b.Loop() {
		_, err := artifact.NewLayout(listing, artifact.Auto)
		assert.NilError(b, err)
	}
}
