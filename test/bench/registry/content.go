package main

import (
	"crypto/sha256"
	"encoding/binary"
	"fmt"
	"io"
	"math/rand/v2"
	"os"
	"path/filepath"
)

// repository is where everything is pushed to.
const repository = "bench/artifact"

// blob is what is uploaded.
type blob struct {
	body
	digest string
}

// random is content that depends on a seed alone.
func random(seed uint64) io.Reader {
	var key [32]byte
	binary.LittleEndian.PutUint64(key[:], seed)
	return rand.NewChaCha8(key)
}

// small is a blob in memory.
func small(seed uint64, size int64) (blob, error) {
	data := make([]byte, size)
	if _, err := io.ReadFull(random(seed), data); err != nil {
		return blob{}, err
	}
	return blobOf(data), nil
}

func blobOf(data []byte) blob {
	return blob{body: bytesOf(data), digest: fmt.Sprintf("sha256:%x", sha256.Sum256(data))}
}

// files are large blobs of one size in a directory, each made once.
type files struct {
	dir  string
	size int64 // in bytes
	made []blob
}

// upTo returns the first so many.
func (f *files) upTo(many int) ([]blob, error) {
	for len(f.made) < many {
		b, err := f.make(len(f.made))
		if err != nil {
			return nil, err
		}
		f.made = append(f.made, b)
	}
	return f.made[:many], nil
}

func (f *files) make(number int) (blob, error) {
	out, err := os.Create(filepath.Join(f.dir, fmt.Sprint(number)))
	if err != nil {
		return blob{}, err
	}
	hash := sha256.New()
	if _, err := io.CopyN(io.MultiWriter(out, hash), random(uint64(number)), f.size); err != nil {
		_ = out.Close() // the cause matters more
		return blob{}, err
	}
	return blob{body: body{file: out.Name(), size: f.size}, digest: fmt.Sprintf("sha256:%x", hash.Sum(nil))}, out.Close()
}

// manifest is one that differs from others by its number.
func manifest(number int, config, layer blob) []byte {
	const of = `{"schemaVersion":2,"mediaType":%q,"artifactType":"application/vnd.bench","config":` + descriptor +
		`,"layers":[` + descriptor + `],"annotations":{"number":"%d"}}`
	return fmt.Appendf(nil, of, manifestType, "application/vnd.oci.empty.v1+json", config.digest, config.size,
		"application/octet-stream", layer.digest, layer.size, number)
}

const (
	descriptor   = `{"mediaType":%q,"digest":%q,"size":%d}`
	manifestType = "application/vnd.oci.image.manifest.v1+json"
)
