package api_test

import (
	"context"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"
	"time"

	storagedriver "github.com/distribution/distribution/v3/registry/storage/driver"
	"github.com/opencontainers/go-digest"
	ocispec "github.com/opencontainers/image-spec/specs-go/v1"
	"gotest.tools/v3/assert"

	"github.com/converged-computing/oras-operator/pkg/registry/api"
	"github.com/converged-computing/oras-operator/pkg/registry/layout"
)

// interrupted is a driver that calls then, once, when it has done op to path, and before its caller hears of it.
type interrupted struct {
	storagedriver.StorageDriver
	op, path string
	then     func()
	done     bool
}

func (i *interrupted) after(op, path string) {
	if !i.done && op == i.op && path == i.path {
		i.done = true
		i.then()
	}
}

func (i *interrupted) GetContent(ctx context.Context, path string) ([]byte, error) {
	defer i.after("read", path)
	return i.StorageDriver.GetContent(ctx, path)
}

func (i *interrupted) Delete(ctx context.Context, path string) error {
	defer i.after("delete", path)
	return i.StorageDriver.Delete(ctx, path)
}

// deleteInterrupted deletes a manifest of the repository step, and calls then in the middle of that, as another replica might.
func (r registry) deleteInterrupted(manifest, op, path string, then func()) {
	r.t.Helper()
	driver := &interrupted{StorageDriver: r.driver, op: op, path: path, then: then}
	handler := api.New(api.Options{Driver: driver, Root: r.root, Library: r.library})
	rec := httptest.NewRecorder()
	target := "/v2/step/manifests/" + digest.FromString(manifest).String()
	handler.ServeHTTP(rec, httptest.NewRequestWithContext(r.t.Context(), http.MethodDelete, target, nil))
	assert.Equal(r.t, rec.Code, http.StatusAccepted, rec.Body)
	assert.Assert(r.t, driver.done)
}

func TestADeletedManifestLosesItsTagsAndNoOthers(t *testing.T) {
	r := start(t, true)
	first, second := r.manifest("step", "application/vnd.test", "1", ""), r.manifest("step", "application/vnd.test", "2", "")
	for tag, manifest := range map[string]string{"v1": first, "latest": first, "v2": second, "moved": first} {
		r.put("step", tag, manifest)
	}
	r.put("step", "moved", second)
	r.want(http.StatusAccepted, "DELETE", "/v2/step/manifests/"+digest.FromString(first).String(), "")
	resp := r.want(http.StatusOK, "GET", "/v2/step/tags/list", "")
	assert.Equal(t, strings.TrimSpace(resp.body), `{"name":"step","tags":["moved","v2"]}`)
	for _, tag := range []string{"moved", "v2"} {
		assert.Equal(t, r.want(http.StatusOK, "GET", "/v2/step/manifests/"+tag, "").body, second)
	}
}

func TestATagThatIsMovedWhileItsManifestIsDeletedStays(t *testing.T) {
	r := start(t, true)
	first, second := r.manifest("step", "application/vnd.test", "1", ""), r.manifest("step", "application/vnd.test", "2", "")
	r.put("step", "v1", first)
	r.deleteInterrupted(first, "read", layout.TagCurrent("step", "v1"), func() { r.put("step", "v1", second) })
	assert.Equal(t, r.want(http.StatusOK, "GET", "/v2/step/manifests/v1", "").body, second)
}

func TestAManifestThatIsPushedWhileItIsDeletedHasItsNamesAndRefers(t *testing.T) {
	subject := digest.FromString("subject")
	for name, when := range map[string]struct{ op, path string }{
		"once it is gone":           {"delete", ""},
		"when its tag is looked at": {"read", layout.TagCurrent("step", "note")},
	} {
		t.Run(name, func(t *testing.T) {
			r := start(t, true)
			manifest := r.manifest("step", "application/vnd.note", "", subject)
			other := digest.SHA512.FromString(manifest)
			push := func() { r.put("step", other.String()+"?tag=note", manifest) }
			push()
			if when.path == "" {
				when.path = layout.Revision("step", digest.FromString(manifest))
			}
			r.deleteInterrupted(manifest, when.op, when.path, push)
			for _, ref := range []string{"note", other.String(), digest.FromString(manifest).String()} {
				r.want(http.StatusOK, "GET", "/v2/step/manifests/"+ref, "")
			}
			list, _ := r.referrers("step", subject, "")
			assert.Assert(t, slices.ContainsFunc(list, func(d ocispec.Descriptor) bool { return d.Digest == other }))
		})
	}
}

func TestWhoDeletesAManifestWaitsForWhoPushesIt(t *testing.T) {
	r := start(t, true)
	manifest := r.manifest("step", "application/vnd.test", "", "")
	d := digest.FromString(manifest)
	r.put("step", d.String(), manifest)
	deleted := make(chan int, 1)
	var handler http.Handler
	handler = api.New(api.Options{Driver: r.driver, Root: r.root, Library: stopped{r.library, func(*http.Request) {
		go func() {
			rec := httptest.NewRecorder()
			handler.ServeHTTP(rec, httptest.NewRequestWithContext(t.Context(), http.MethodDelete, "/v2/step/manifests/"+d.String(), nil))
			deleted <- rec.Code
		}()
		time.Sleep(100 * time.Millisecond) // it has time to go wrong
		assert.Check(t, !r.missing(layout.Revision("step", d)))
	}}})
	req := httptest.NewRequestWithContext(t.Context(), http.MethodPut, "/v2/step/manifests/v1", strings.NewReader(manifest))
	req.Header.Set("Content-Type", ocispec.MediaTypeImageManifest)
	rec := httptest.NewRecorder()
	handler.ServeHTTP(rec, req)
	assert.Equal(t, rec.Code, http.StatusCreated, rec.Body)
	assert.Equal(t, <-deleted, http.StatusAccepted)
	r.want(http.StatusNotFound, "GET", "/v2/step/manifests/v1", "")
	assert.Assert(t, r.missing(layout.Tag("step", "v1")))
}

// pausing is a client that does something else before it takes an answer.
type pausing struct {
	http.ResponseWriter
	before func()
}

func (p pausing) Write(data []byte) (int, error) {
	p.before()
	return p.ResponseWriter.Write(data)
}

func TestWhoIsSlowToTakeAnAnswerKeepsNobodyFromDeleting(t *testing.T) {
	r := start(t, true)
	manifest := r.manifest("step", "application/vnd.test", "", "")
	r.put("step", "v1", manifest)
	deleted := make(chan int, 1)
	req := httptest.NewRequestWithContext(t.Context(), http.MethodPut, "/v2/step/manifests/v2", strings.NewReader("no manifest"))
	r.handler.ServeHTTP(pausing{httptest.NewRecorder(), func() {
		go func() {
			deleted <- r.do(http.MethodDelete, "/v2/step/manifests/"+digest.FromString(manifest).String(), "").status
		}()
		select {
		case status := <-deleted:
			assert.Equal(t, status, http.StatusAccepted)
		case <-time.After(10 * time.Second):
			t.Error("nothing can be deleted")
		}
	}}, req)
}
