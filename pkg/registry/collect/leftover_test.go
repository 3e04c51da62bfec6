package collect

import (
	"errors"
	"net/http"
	"testing"

	"github.com/opencontainers/go-digest"
	"gotest.tools/v3/assert"

	"github.com/converged-computing/oras-operator/pkg/registry/layout"
)

func TestATagThatAKilledPushDidNotMoveIsNoYoungerForIt(t *testing.T) {
	rule := Rule{Repositories: "sweep/*", TTL: 3 * grace, KeepLast: 1}
	inWorld(t, Options{Config: Config{Retention: []Rule{rule}}}, func(t *testing.T, w *world) {
		for _, tag := range []string{"old", "new"} {
			w.push(t, "sweep/a", tag, tag)
			age()
		}
		killed := false
		w.driver.fail = func(op, p string) error {
			if op == "put" && p == layout.TagCurrent("sweep/a", "old") {
				killed = true
				return errors.New("killed")
			}
			return nil
		}
		assert.Equal(t, w.put("sweep/a", "old", manifest("", "new", "old")), http.StatusInternalServerError)
		assert.Assert(t, killed)
		w.driver.fail = nil
		for range 6 {
			age()
			w.collect(t)
		}
		w.pulls(t, "sweep/a", "new")
		assert.Assert(t, !w.there(t, layout.Tag("sweep/a", "old")))
	})
}

func TestATagThatNamesNothingYetIsAsYoungAsItsYoungestLink(t *testing.T) {
	inWorld(t, Options{}, func(t *testing.T, w *world) {
		// Its first push was killed. The directory's time is that of this one.
		for _, layer := range []string{"first", "second"} {
			d := w.push(t, "step", layer, layer)
			age()
			link := layout.Tag("step", "v1") + "/index/sha256/" + d.Encoded() + "/link"
			assert.NilError(t, w.driver.PutContent(t.Context(), link, []byte(d)))
		}
		assert.Equal(t, w.collect(t).Quarantined, 0)
		age()
		assert.Equal(t, w.collect(t).Quarantined, 1)
	})
}

// pushByTwoNames pushes a manifest as clients do that name it by SHA-512, and returns both links to it.
func (w *world) pushByTwoNames(t *testing.T, repository, tag, layer string) (canonical, other string) {
	t.Helper()
	d, name := w.push(t, repository, tag, layer), digest.SHA512.FromBytes(manifest("", layer))
	assert.NilError(t, w.driver.PutContent(t.Context(), layout.Revision(repository, name), []byte(d)))
	return layout.Revision(repository, d), layout.Revision(repository, name)
}

func TestAManifestWhoseDeletionWasKilledGoesWithItsOtherNames(t *testing.T) {
	rule := Rule{Repositories: "sweep/*", TTL: grace, KeepLast: 1}
	m := manifest("", "deleted")
	for name, also := range map[string]string{"a manifest only": "deleted", "a blob too": string(m)} {
		t.Run(name, func(t *testing.T) {
			inWorld(t, Options{Config: Config{Retention: []Rule{rule}}}, func(t *testing.T, w *world) {
				w.push(t, "sweep/a", "v8", "kept")
				age()
				canonical, other := w.pushByTwoNames(t, "sweep/a", "v9", "deleted")
				assert.Equal(t, w.upload("sweep/a", digest.FromString(also), []byte(also)), http.StatusCreated)
				assert.NilError(t, w.driver.Delete(t.Context(), canonical))
				assert.Equal(t, w.status(http.MethodGet, manifestURL("sweep/a", "v9")), http.StatusNotFound)
				report := w.collect(t)
				assert.DeepEqual(t, []int{report.Tags, report.Manifests, report.Quarantined}, []int{1, 1, 0})
				for range 3 {
					age()
					w.collect(t)
				}
				for _, gone := range []string{other, layout.Tag("sweep/a", "v9"), layout.BlobData(digest.FromBytes(m)), data("deleted")} {
					assert.Assert(t, !w.there(t, gone), gone)
				}
				w.pulls(t, "sweep/a", "v8")
			})
		})
	}
}

func TestAManifestWhoseDeletionWasKilledStaysWhereItIsPushedAgain(t *testing.T) {
	inWorld(t, Options{}, func(t *testing.T, w *world) {
		canonical, other := w.pushByTwoNames(t, "step", "v1", "layer")
		assert.NilError(t, w.driver.Delete(t.Context(), canonical))
		age()
		assert.Equal(t, w.collect(t).Quarantined, 5) // the tag, the name, and three blobs
		w.push(t, "step", "v1", "layer")
		for range 3 {
			age()
			w.collect(t)
		}
		w.pulls(t, "step", "v1")
		assert.Assert(t, w.there(t, other))
	})
}

func TestAnIndexKeepsWhatItListsByAnotherName(t *testing.T) {
	opts := Options{Config: Config{Retention: []Rule{{Repositories: "**", Untagged: grace}}}}
	inWorld(t, opts, func(t *testing.T, w *world) {
		canonical, other := w.pushByTwoNames(t, "step", "temporary", "layer")
		assert.Equal(t, w.put("step", "all", index(digest.SHA512.FromBytes(manifest("", "layer")))), http.StatusCreated)
		assert.Equal(t, w.status(http.MethodDelete, manifestURL("step", "temporary")), http.StatusAccepted)
		for range 3 {
			age()
			assert.Equal(t, w.collect(t).Quarantined, 0)
		}
		assert.Assert(t, w.there(t, canonical))
		assert.Assert(t, w.there(t, other))
		w.pulls(t, "step", "all")
	})
}
