package registry

import (
	"bytes"
	"context"
	"crypto/rand"
	"encoding/json"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"github.com/opencontainers/go-digest"
	ocispec "github.com/opencontainers/image-spec/specs-go/v1"
	"golang.org/x/sys/unix"
	"gotest.tools/v3/assert"
	"gotest.tools/v3/assert/cmp"

	"github.com/converged-computing/oras-operator/pkg/registry/layout"
	"github.com/converged-computing/oras-operator/pkg/registry/storage"
)

// inMounts runs the test t once more in a process that may mount what nobody else sees, and returns false. In that process it
// returns true.
func inMounts(t *testing.T) bool {
	t.Helper()
	const inside = "ORAS_TEST_IN_MOUNTS"
	if os.Getenv(inside) == t.Name() {
		assert.NilError(t, unix.Mount("", "/", "", unix.MS_PRIVATE|unix.MS_REC, ""))
		return true
	}
	child := exec.CommandContext(t.Context(), "/proc/self/exe", "-test.v", "-test.timeout=2m", "-test.run=^"+t.Name()+"$")
	child.Env = append(os.Environ(), inside+"="+t.Name())
	child.SysProcAttr = &syscall.SysProcAttr{Cloneflags: unix.CLONE_NEWNS}
	if uid := os.Getuid(); uid != 0 {
		child.SysProcAttr.Cloneflags |= unix.CLONE_NEWUSER
		child.SysProcAttr.UidMappings = []syscall.SysProcIDMap{{HostID: uid, Size: 1}}
		child.SysProcAttr.GidMappings = []syscall.SysProcIDMap{{HostID: os.Getgid(), Size: 1}}
	}
	out, err := child.CombinedOutput()
	assert.NilError(t, err, "%s", out)
	assert.Assert(t, cmp.Contains(string(out), "--- PASS: "+t.Name()+" "))
	return false
}

// disk is a registry on a file system of its own, and a client of it.
type disk struct {
	root   string
	server *httptest.Server
}

func newDisk(t *testing.T) disk {
	t.Helper()
	root := t.TempDir()
	assert.NilError(t, unix.Mount("tmpfs", root, "tmpfs", 0, "size=4m"))
	t.Cleanup(func() { assert.Check(t, unix.Unmount(root, unix.MNT_DETACH)) })
	registry, err := New(Config{Storage: storage.Config{Root: root}})
	assert.NilError(t, err)
	d := disk{root, httptest.NewServer(registry)}
	t.Cleanup(func() {
		d.server.Close()
		assert.Check(t, registry.Close())
	})
	return d
}

// send returns the status, the Location and the body of an answer.
func (d disk) send(t *testing.T, method, target, contentType string, body []byte) (status int, location, answer string) {
	t.Helper()
	req, err := http.NewRequestWithContext(t.Context(), method, d.server.URL+target, bytes.NewReader(body))
	assert.NilError(t, err)
	req.Header.Set("Content-Type", contentType)
	req.Header.Set("Accept", ocispec.MediaTypeImageManifest)
	resp, err := d.server.Client().Do(req)
	assert.NilError(t, err)
	defer resp.Body.Close() //nolint:errcheck // only read from
	text, err := io.ReadAll(resp.Body)
	assert.NilError(t, err)
	return resp.StatusCode, resp.Header.Get("Location"), string(text)
}

const bytesType = "application/octet-stream"

// begin begins an upload.
func (d disk) begin(t *testing.T) (location string) {
	t.Helper()
	status, location, answer := d.send(t, http.MethodPost, "/v2/step/blobs/uploads/", "", nil)
	assert.Equal(t, status, http.StatusAccepted, answer)
	return location
}

// blob uploads a blob in one piece.
func (d disk) blob(t *testing.T, content []byte) (status int, answer string) {
	t.Helper()
	status, _, answer = d.send(t, http.MethodPut, d.begin(t)+"&digest="+digest.FromBytes(content).String(), bytesType, content)
	return status, answer
}

// manifest puts a manifest of one layer under a tag.
func (d disk) manifest(t *testing.T, tag string, layer []byte, note string) (status int, answer string) {
	t.Helper()
	manifest := ocispec.Manifest{MediaType: ocispec.MediaTypeImageManifest, Annotations: map[string]string{"note": note}}
	manifest.SchemaVersion = 2
	manifest.Config = ocispec.Descriptor{MediaType: bytesType, Digest: digest.FromBytes(layer), Size: int64(len(layer))}
	manifest.Layers = []ocispec.Descriptor{manifest.Config}
	text, err := json.Marshal(manifest)
	assert.NilError(t, err)
	status, _, answer = d.send(t, http.MethodPut, "/v2/step/manifests/"+tag, manifest.MediaType, text)
	return status, answer
}

// fill takes all space but so many bytes.
func (d disk) fill(t *testing.T, left uint64) {
	t.Helper()
	assert.NilError(t, os.RemoveAll(d.filler()))
	size := int64(d.free(t)) - int64(left)
	assert.Assert(t, size >= 0)
	f, err := os.Create(d.filler())
	assert.NilError(t, err)
	_, err = io.CopyN(f, rand.Reader, size)
	assert.NilError(t, err)
	assert.NilError(t, f.Close())
}

func (d disk) filler() string { return filepath.Join(d.root, "filler") }

func (d disk) free(t *testing.T) uint64 {
	t.Helper()
	var stat unix.Statfs_t
	assert.NilError(t, unix.Statfs(d.root, &stat))
	return stat.Bavail * uint64(stat.Bsize) //nolint:gosec // a size is not negative
}

func TestAFullDiskIsSaidPlainlyAndPullsGoOn(t *testing.T) {
	if !inMounts(t) {
		return
	}
	d := newDisk(t)
	layer := bytes.Repeat([]byte("layer"), 1000)
	status, answer := d.blob(t, layer)
	assert.Equal(t, status, http.StatusCreated, answer)
	status, answer = d.manifest(t, "v1", layer, "")
	assert.Equal(t, status, http.StatusCreated, answer)
	begun := d.begin(t)
	large := make([]byte, 1<<20)
	large[0] = 1

	isRefused := func(status int, answer string) {
		t.Helper()
		assert.Equal(t, status, http.StatusInsufficientStorage, answer)
		assert.Assert(t, cmp.Contains(answer, `{"errors":[{"code":"DENIED","message":"The storage of this registry is full`))
		assert.Assert(t, strings.HasSuffix(answer, "}]}\n"), answer)
	}
	const room = 512 << 10
	d.fill(t, room)
	for _, method := range []string{http.MethodPatch, http.MethodPut} {
		location := d.begin(t)
		before := d.free(t)
		status, _, answer = d.send(t, method, location+"&digest="+digest.FromBytes(large).String(), bytesType, large)
		isRefused(status, answer)
		assert.Assert(t, d.free(t) >= before, "%s left something: %d of %d are free", method, d.free(t), before)
		status, _, answer = d.send(t, method, location+"&digest="+digest.FromBytes(large).String(), bytesType, nil)
		assert.Equal(t, status, http.StatusNotFound, answer)
	}

	d.fill(t, 0)
	status, _, answer = d.send(t, http.MethodPost, "/v2/step/blobs/uploads/", "", nil)
	isRefused(status, answer)
	// So little fits into a buffer, and only the end of the request meets the disk: the library takes it for accepted.
	status, _, answer = d.send(t, http.MethodPatch, begun, bytesType, []byte("few"))
	isRefused(status, answer)
	isRefused(d.manifest(t, "v2", layer, "another manifest"))
	isRefused(d.manifest(t, "v3", layer, ""))
	for _, target := range []string{"/v2/step/manifests/v1", "/v2/step/blobs/" + digest.FromBytes(layer).String(), "/readyz", "/healthz"} {
		status, _, answer = d.send(t, http.MethodGet, target, "", nil)
		assert.Equal(t, status, http.StatusOK, answer)
	}
	for _, tag := range []string{"v2", "v3"} {
		status, _, answer = d.send(t, http.MethodGet, "/v2/step/manifests/"+tag, "", nil)
		assert.Equal(t, status, http.StatusNotFound, answer)
	}

	assert.NilError(t, os.Remove(d.filler()))
	status, answer = d.blob(t, large)
	assert.Equal(t, status, http.StatusCreated, answer)
	status, answer = d.manifest(t, "v2", large, "another manifest")
	assert.Equal(t, status, http.StatusCreated, answer)
}

func TestReferrersThatCannotBeWrittenDownAreListed(t *testing.T) {
	if !inMounts(t) {
		return
	}
	d := newDisk(t)
	subject := digest.FromString("subject")
	manifest := fmt.Sprintf(`{"schemaVersion":2,"mediaType":%q,"artifactType":"a/b","config":{"mediaType":%q,"digest":%q,"size":2},
		"layers":[],"subject":{"mediaType":%q,"digest":%q,"size":7}}`,
		ocispec.MediaTypeImageManifest, ocispec.MediaTypeEmptyJSON, digest.FromString("{}"), ocispec.MediaTypeImageManifest, subject)
	status, answer := d.blob(t, []byte("{}"))
	assert.Equal(t, status, http.StatusCreated, answer)
	status, _, answer = d.send(t, http.MethodPut, "/v2/step/manifests/note", ocispec.MediaTypeImageManifest, []byte(manifest))
	assert.Equal(t, status, http.StatusCreated, answer)
	// As a registry left it that kept no referrers.
	assert.NilError(t, os.RemoveAll(filepath.Join(d.root, layout.Referrers("step"))))

	isListed := func() {
		t.Helper()
		status, _, answer := d.send(t, http.MethodGet, "/v2/step/referrers/"+subject.String(), "", nil)
		assert.Equal(t, status, http.StatusOK, answer)
		assert.Assert(t, cmp.Contains(answer, digest.FromString(manifest).String()))
		assert.Equal(t, strings.Count(answer, `"digest"`), 1, answer)
	}
	complete := filepath.Join(d.root, layout.ReferrersComplete("step"))
	d.fill(t, 0)
	isListed()
	isListed()
	_, err := os.Stat(complete)
	assert.ErrorIs(t, err, os.ErrNotExist)

	assert.NilError(t, os.Remove(d.filler()))
	isListed()
	_, err = os.Stat(complete)
	assert.NilError(t, err)
	isListed()
}

func TestARequestThatMakesNoNotesWrites(t *testing.T) {
	store, err := storage.Open(t.Context(), storage.Config{Root: t.TempDir()}, slog.New(slog.DiscardHandler))
	assert.NilError(t, err)
	defer func() { assert.NilError(t, store.Close()) }()
	driver := notingDriver{store.Driver()}
	assert.NilError(t, driver.PutContent(context.Background(), "/a", []byte("x")))
	writer, err := driver.Writer(context.Background(), "/b", false)
	assert.NilError(t, err)
	assert.NilError(t, writer.Commit(context.Background()))
	assert.NilError(t, writer.Close())
}
