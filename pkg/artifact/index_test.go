package artifact_test

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/opencontainers/go-digest"
	"gotest.tools/v3/assert"

	"github.com/converged-computing/oras-operator/pkg/artifact"
	"github.com/converged-computing/oras-operator/pkg/tree"
)

func indexed(e tree.Entry, layer int) artifact.Entry {
	x := artifact.Entry{Entry: e, Layer: layer}
	if e.Type == tree.File {
		x.Digest = digest.FromString(string(e.Path))
	}
	return x
}

func TestIndexSurvivesEncoding(t *testing.T) {
	f := file("d/\xff", 3)
	f.ModTime = time.Date(1931, 2, 3, 4, 5, 6, 7, time.UTC)
	x := artifact.Index{Version: 1, Entries: []artifact.Entry{
		indexed(dir("d"), 0), indexed(f, 1), indexed(hard("d/\xff\xff", "d/\xff"), 1), indexed(link("l", "/\xff"), artifact.NoLayer),
	}}
	x.Entries[1].Offset = 1024
	documents, err := artifact.EncodeIndex(x.All())
	assert.NilError(t, err)
	assert.Equal(t, len(documents), 1)
	decoded, err := artifact.DecodeIndex(slices.Values(documents), 2)
	assert.NilError(t, err)
	assert.DeepEqual(t, decoded, x)
	assert.Equal(t, x.Bytes(), int64(3))
}

func TestIndexLooksAsSpecified(t *testing.T) {
	e := indexed(file("a.txt", 3), 0)
	e.ModTime, e.Offset = time.Date(2026, 1, 2, 3, 4, 5, 6, time.UTC), 512
	e.Dev, e.Ino, e.Ctime = 1, 2, time.Now()
	documents, err := artifact.EncodeIndex(artifact.Index{Version: 1, Entries: []artifact.Entry{e, indexed(link("l", "a.txt"), artifact.NoLayer)}}.All())
	assert.NilError(t, err)
	assert.Equal(t, string(documents[0]), `{"version":1,"entries":[`+
		`{"path":"a.txt","type":"file","mode":420,"mtime":"2026-01-02T03:04:05.000000006Z","size":3,`+
		`"digest":"`+string(e.Digest)+`","layer":0,"offset":512},`+
		`{"path":"l","type":"symlink","link":"a.txt","layer":-1}]}`)
}

func TestIndexOfNothing(t *testing.T) {
	documents, err := artifact.EncodeIndex(artifact.Index{Version: 1}.All())
	assert.NilError(t, err)
	assert.Equal(t, string(bytes.Join(documents, nil)), `{"version":1,"entries":[]}`)
	_, err = artifact.DecodeIndex(slices.Values(documents), 0)
	assert.NilError(t, err)
}

func TestE70LargeIndexIsCut(t *testing.T) {
	var x artifact.Index
	x.Version = 1
	for i := range 30_000 {
		x.Entries = append(x.Entries, indexed(file(tree.Path(fmt.Sprintf("file-%06d", i)), 1), 0))
	}
	documents, err := artifact.EncodeIndex(x.All())
	assert.NilError(t, err)
	assert.Assert(t, len(documents) > 1)
	for _, document := range documents {
		assert.Assert(t, len(document) <= artifact.MaxIndexBlob)
		assert.Assert(t, json.Valid(document))
	}
	decoded, err := artifact.DecodeIndex(slices.Values(documents), 1)
	assert.NilError(t, err)
	assert.Equal(t, len(decoded.Entries), len(x.Entries))
}

func TestDecodeIndexIgnoresFieldsOfLaterReleases(t *testing.T) {
	x, err := artifact.DecodeIndex(slices.Values([][]byte{[]byte(`{"version":1,"new":{},"entries":[{"path":"d","type":"dir","layer":0,"new":1}]}`)}), 1)
	assert.NilError(t, err)
	assert.Equal(t, x.Entries[0].Path, tree.Path("d"))
}

func TestDecodeIndexRefusesALaterVersion(t *testing.T) {
	_, err := artifact.DecodeIndex(slices.Values([][]byte{[]byte(`{"version":2}`)}), 0)
	assert.ErrorIs(t, err, artifact.ErrVersion)
}

func TestDecodeIndexRefusesWhatBreaksTheRules(t *testing.T) {
	sum := string(digest.FromString(""))
	fileJSON := func(path, more string) string {
		return `{"path":"` + path + `","type":"file","digest":"` + sum + `",` + more + `}`
	}
	for name, entries := range map[string]string{
		"no JSON":                 `{`,
		"a path that leads out":   fileJSON("../x", `"layer":0`),
		"entries out of order":    fileJSON("b", `"layer":0`) + "," + fileJSON("a", `"layer":0`),
		"a path twice":            fileJSON("a", `"layer":0`) + "," + fileJSON("a", `"layer":0`),
		"a file in no layer":      fileJSON("a", `"layer":-1`),
		"a layer that is not":     fileJSON("a", `"layer":1`),
		"a layer below none":      `{"path":"d","type":"dir","layer":-2}`,
		"a negative offset":       fileJSON("a", `"layer":0,"offset":-1`),
		"a negative size":         fileJSON("a", `"layer":0,"size":-1`),
		"a file without a digest": `{"path":"a","type":"file","layer":0}`,
		"a digest that is none":   `{"path":"a","type":"file","layer":0,"digest":"sha256:abc"}`,
		"a time that is none":     `{"path":"a","type":"dir","layer":0,"mtime":"yesterday"}`,
		"an unknown type":         `{"path":"a","type":"door","layer":0}`,
	} {
		t.Run(name, func(t *testing.T) {
			_, err := artifact.DecodeIndex(slices.Values([][]byte{[]byte(`{"version":1,"entries":[` + entries + `]}`)}), 1)
			assert.ErrorIs(t, err, artifact.ErrInvalidIndex)
		})
	}
}

func FuzzDecodeIndex(f *testing.F) {
	f.Add([]byte(`{"version":1,"entries":[{"path":"d","type":"dir","mode":493,"layer":0}]}`), 1)
	f.Add([]byte(`{"version":1,"entries":[{"path":{"base64":"Lw=="},"type":"symlink","link":"x","layer":-1}]}`), 0)
	f.Fuzz(func(t *testing.T, document []byte, layers int) {
		x, err := artifact.DecodeIndex(slices.Values([][]byte{document}), layers)
		if err != nil {
			assert.Assert(t, errors.Is(err, artifact.ErrInvalidIndex) || errors.Is(err, artifact.ErrVersion), err)
			return
		}
		for _, e := range x.Entries {
			assert.NilError(t, tree.ValidPath(e.Path))
			assert.Assert(t, !strings.Contains(string(e.Path), ".."+"/"), e.Path)
		}
	})
}
