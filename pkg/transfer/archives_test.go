package transfer_test

import (
	"bytes"
	"compress/bzip2"
	"encoding/base64"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"

	ocispec "github.com/opencontainers/image-spec/specs-go/v1"
	"gotest.tools/v3/assert"
	"gotest.tools/v3/icmd"

	"github.com/converged-computing/oras-operator/pkg/transfer"
	"github.com/converged-computing/oras-operator/pkg/transfer/internal/testregistry"
)

// goArchives returns the archives that archive/tar is tested with, by name, of a long one the start.
func goArchives(t *testing.T, pattern string) map[string][]byte {
	t.Helper()
	root := icmd.RunCommand("go", "env", "GOROOT")
	root.Assert(t, icmd.Success)
	found, err := filepath.Glob(filepath.Join(strings.TrimSpace(root.Stdout()), "src/archive/tar/testdata", pattern))
	assert.NilError(t, err)
	archives := map[string][]byte{}
	for _, path := range found {
		content, err := os.ReadFile(path)
		assert.NilError(t, err)
		var plain io.Reader = bytes.NewReader(content)
		switch filepath.Ext(path) {
		case ".base64":
			plain = base64.NewDecoder(base64.StdEncoding, plain)
		case ".bz2":
			plain = bzip2.NewReader(plain)
		}
		const start = 4 << 20
		content, err = io.ReadAll(io.LimitReader(plain, start))
		assert.NilError(t, err)
		archives[filepath.Base(path)] = content
	}
	return archives
}

// refused says which of Go's archives must not be unpacked into a megabyte, and what the error names. All others must be.
func refused() map[string]string {
	const first = "unpacking the first entry: "
	return map[string]string{
		"gnu-incremental.tar":           `unpacking "test2/sparse": the archive unpacks to too much`,
		"gnu-sparse-big.tar.base64":     `unpacking "gnu-sparse": the archive unpacks to too much`,
		"pax-sparse-big.tar.base64":     `unpacking "pax-sparse": the archive unpacks to too much`,
		"writer-big.tar":                `unpacking "tmp/16gig.txt": the archive unpacks to too much`,
		"writer-big-long.tar.base64":    `/16gig.txt": the archive unpacks to too much`,
		"hdr-only.tar":                  `unpacking "file": unsafe archive: it comes twice`,
		"gnu-sparse-many-zeros.tar.bz2": first, "pax-nul-path.tar": first, "pax-nul-xattrs.tar": first, "issue10968.tar": first,
		"issue11169.tar": first, "issue12435.tar": first, "neg-size.tar.base64": first, "pax-bad-hdr-file.tar": first,
		"pax-bad-hdr-large.tar.bz2": first, "pax-bad-mtime-file.tar": first,
	}
}

func TestE76GosOwnArchivesLeaveNothingOutsideOfTheTarget(t *testing.T) {
	registry, refusals := testregistry.Start(t), refused()
	archives := goArchives(t, "*.tar*")
	assert.Assert(t, len(archives) > 30, "%d archives", len(archives))
	for name, content := range archives {
		for as, l := range map[string]layer{
			"a directory":      {tarGzip, ".", true, content},
			"an image's layer": {ocispec.MediaTypeImageLayer, "", false, content},
		} {
			t.Run(name+" as "+as, func(t *testing.T) {
				repo, root := repository(t, registry, "go"), t.TempDir()
				pushLayers(t, repo, l)
				into := filepath.Join(root, "into")
				_, err := pullInto(t.Context(), repo, "v1", into, transfer.PullOptions{MaxBytes: 1 << 20})
				found, readErr := os.ReadDir(root)
				assert.NilError(t, readErr)
				assert.Equal(t, len(found), 1, "%v", found)
				if refusals[name] == "" {
					assert.NilError(t, err)
					assert.Assert(t, name == "pax-path-hdr.tar" || len(contents(t, into)) > 0)
					return
				}
				assert.ErrorContains(t, err, refusals[name])
				assert.Assert(t, transfer.Final(err), err)
				isEmpty(t, into)
			})
		}
	}
}

func TestE76AnArchiveThatIsCutOffNamesTheEntry(t *testing.T) {
	repo := repository(t, testregistry.Start(t), "cut")
	whole := goArchives(t, "writer.tar")["writer.tar"]
	for length, want := range map[int]string{
		300: "unpacking the first entry: ", 514: `unpacking "small.txt": `, 1100: `unpacking the entry after "small.txt": `, 1540: `unpacking "small2.txt": `,
	} {
		pushLayers(t, repo, layer{tarGzip, ".", true, whole[:length]})
		into := t.TempDir()
		_, err := pullInto(t.Context(), repo, "v1", into, transfer.PullOptions{})
		assert.ErrorContains(t, err, want, length)
		isEmpty(t, into)
	}
}
