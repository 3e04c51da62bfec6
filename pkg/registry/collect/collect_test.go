package collect

import (
	"context"
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"path"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	storagedriver "github.com/distribution/distribution/v3/registry/storage/driver"
	"github.com/distribution/distribution/v3/registry/storage/driver/filesystem"
	"github.com/distribution/distribution/v3/registry/storage/driver/inmemory"
	"github.com/opencontainers/go-digest"
	"gotest.tools/v3/assert"

	"github.com/converged-computing/oras-operator/pkg/registry/layout"
)

// grace is the grace period of the tests: as long as in life, since their time is made up.
const grace = time.Hour

// world is a registry behind a gate, with a collector.
type world struct {
	client
	driver    *faulty
	app       http.Handler
	collector *Collector
}

// inWorld runs a test on a registry in memory, in a time of its own.
func inWorld(t *testing.T, opts Options, test func(t *testing.T, w *world)) {
	t.Helper()
	driver := &faulty{StorageDriver: inmemory.New()}
	app := newApp(t, driver) // its goroutines do not end: they are not of the test's time
	synctest.Test(t, func(t *testing.T) {
		w := &world{driver: driver, app: app}
		w.restart(opts)
		test(t, w)
	})
}

// onDisk makes a registry in a directory, which may be that of others.
func onDisk(t *testing.T, root string, opts Options) *world {
	t.Helper()
	w := &world{driver: &faulty{StorageDriver: filesystem.New(filesystem.DriverParameters{RootDirectory: root, MaxThreads: 100})}}
	w.app = newApp(t, w.driver)
	w.restart(opts)
	return w
}

// restart forgets all that the process knew.
func (w *world) restart(opts Options) {
	opts.Driver = w.driver
	if opts.Config.GracePeriod == 0 {
		opts.Config.GracePeriod = grace
	}
	w.collector = New(opts)
	w.client = client{w.collector.Gate().Handler(w.app)}
}

// collect does a round.
func (w *world) collect(t *testing.T) Report {
	t.Helper()
	report, err := w.collector.Collect(t.Context())
	assert.NilError(t, err)
	return report
}

// age lets a grace period pass, and a little more.
func age() { time.Sleep(grace + time.Second) }

// faulty is a driver that fails when fail says so.
type faulty struct {
	storagedriver.StorageDriver
	fail func(op, path string) error
}

func (f *faulty) check(op, path string) error {
	if f.fail == nil {
		return nil
	}
	return f.fail(op, path)
}

func (f *faulty) GetContent(ctx context.Context, p string) ([]byte, error) {
	if err := f.check("get", p); err != nil {
		return nil, err
	}
	return f.StorageDriver.GetContent(ctx, p)
}

func (f *faulty) PutContent(ctx context.Context, p string, data []byte) error {
	if err := f.check("put", p); err != nil {
		return err
	}
	return f.StorageDriver.PutContent(ctx, p, data)
}

func (f *faulty) Stat(ctx context.Context, p string) (storagedriver.FileInfo, error) {
	if err := f.check("stat", p); err != nil {
		return nil, err
	}
	return f.StorageDriver.Stat(ctx, p)
}

func (f *faulty) List(ctx context.Context, p string) ([]string, error) {
	if err := f.check("list", p); err != nil {
		return nil, err
	}
	return f.StorageDriver.List(ctx, p)
}

func (f *faulty) Delete(ctx context.Context, p string) error {
	if err := f.check("delete", p); err != nil {
		return err
	}
	return f.StorageDriver.Delete(ctx, p)
}

func (w *world) there(t *testing.T, p string) bool {
	t.Helper()
	_, err := w.driver.StorageDriver.Stat(t.Context(), p)
	assert.NilError(t, ignoreMissing(err))
	return err == nil
}

func data(text string) string { return layout.BlobData(digest.FromString(text)) }

func TestABlobThatNoManifestListsGoesAfterTwoGracePeriods(t *testing.T) {
	inWorld(t, Options{}, func(t *testing.T, w *world) {
		w.push(t, "step", "v1", "kept")
		assert.Equal(t, w.upload("step", digest.FromString("lost"), []byte("lost")), http.StatusCreated)
		assert.Equal(t, w.collect(t).Quarantined, 0)
		age()
		assert.Equal(t, w.collect(t).Quarantined, 1)
		assert.Assert(t, w.there(t, data("lost")))
		age()
		report := w.collect(t)
		assert.DeepEqual(t, report.Removed, Removed{Blobs: 1})
		assert.Equal(t, report.RemovedBytes, int64(4))
		assert.Equal(t, report.Quarantined, 0)
		assert.Assert(t, !w.there(t, data("lost")))
		assert.Assert(t, !w.there(t, layout.Layer("step", digest.FromString("lost"))))
		w.pulls(t, "step", "v1")
		assert.DeepEqual(t, w.collector.Last(), report)
	})
}

func TestAQuarantinedBlobIsHiddenUntilItIsSentAgain(t *testing.T) {
	inWorld(t, Options{}, func(t *testing.T, w *world) {
		d := digest.FromString("lost")
		assert.Equal(t, w.upload("step", d, []byte("lost")), http.StatusCreated)
		age()
		w.collect(t)
		assert.Assert(t, !w.has("step", d))
		assert.Assert(t, !w.mount("other", "step", d))
		body, status := w.get(blobURL("step", d))
		assert.Equal(t, status, http.StatusOK)
		assert.Equal(t, string(body), "lost")

		assert.Equal(t, w.upload("other", d, []byte("lost")), http.StatusCreated)
		assert.Assert(t, w.has("other", d))
		assert.Assert(t, w.mount("third", "other", d))
		assert.Assert(t, !w.has("step", d))
		w.collect(t)
		assert.Assert(t, w.has("step", d), "it is not dead, as it was sent again")
	})
}

func TestWhatIsHiddenIsHiddenAfterARestart(t *testing.T) {
	inWorld(t, Options{}, func(t *testing.T, w *world) {
		d := digest.FromString("lost")
		assert.Equal(t, w.upload("step", d, []byte("lost")), http.StatusCreated)
		age()
		w.collect(t)
		w.restart(Options{})
		assert.Assert(t, !w.has("step", d))
		age()
		assert.Equal(t, w.collect(t).Removed.Blobs, 1)
	})
}

func TestABlobThatIsSentAgainStaysForAnotherGracePeriod(t *testing.T) {
	inWorld(t, Options{}, func(t *testing.T, w *world) {
		d := digest.FromString("lost")
		assert.Equal(t, w.upload("step", d, []byte("lost")), http.StatusCreated)
		age()
		w.collect(t)
		time.Sleep(grace / 2)
		assert.Equal(t, w.upload("step", d, []byte("lost")), http.StatusCreated)
		time.Sleep(grace/2 + time.Second)
		assert.Equal(t, w.collect(t).Removed.Blobs, 0)
		assert.Assert(t, w.has("step", d))
		age() // older than the grace period again, but no longer quarantined
		assert.Equal(t, w.collect(t).Removed.Blobs, 0)
		age()
		assert.Equal(t, w.collect(t).Removed.Blobs, 1)
	})
}

func TestABlobThatAManifestListsMeanwhileStays(t *testing.T) {
	inWorld(t, Options{}, func(t *testing.T, w *world) {
		for _, text := range []string{"late", "{}"} {
			assert.Equal(t, w.upload("step", digest.FromString(text), []byte(text)), http.StatusCreated)
		}
		age()
		assert.Equal(t, w.collect(t).Quarantined, 2)
		assert.Equal(t, w.put("step", "v1", manifest("", "late")), http.StatusCreated)
		age()
		report := w.collect(t)
		assert.DeepEqual(t, report.Removed, Removed{})
		assert.Equal(t, report.Quarantined, 0)
		w.pulls(t, "step", "v1")
	})
}

func TestRetentionLetsGoOfTagsAndThenOfAllTheyKept(t *testing.T) {
	opts := Options{Config: Config{Retention: []Rule{{
		Repositories: "sweep/*", TTL: 3 * grace, KeepLast: 1, Untagged: grace,
	}}}}
	inWorld(t, opts, func(t *testing.T, w *world) {
		w.push(t, "sweep/a", "old", "old", "shared")
		age()
		w.push(t, "sweep/a", "new", "new", "shared")
		w.push(t, "other", "old", "old of another")
		for range 8 {
			age()
			w.collect(t)
		}
		assert.Equal(t, w.status(http.MethodGet, manifestURL("sweep/a", "old")), http.StatusNotFound)
		assert.Assert(t, !w.there(t, data("old")))
		w.pulls(t, "sweep/a", "new")
		w.pulls(t, "other", "old")
		assert.Assert(t, !w.there(t, layout.Tag("sweep/a", "old")))
	})
}

func TestATagKeepsItsManifestByWhateverNameItHas(t *testing.T) {
	const short = 10 * time.Millisecond
	w := onDisk(t, t.TempDir(), Options{Config: Config{
		GracePeriod: short, Retention: []Rule{{Repositories: "**", Untagged: short}},
	}})
	names := []string{"_uploads", "_manifests", "_layers", "tags", "current", "index", "link"}
	for _, name := range names {
		w.push(t, "step", name, "layer of "+name)
	}
	for range 4 {
		time.Sleep(5 * short)
		w.collect(t)
	}
	for _, name := range names {
		w.pulls(t, "step", name)
	}
}

func TestATagKeepsWhatIsListedAndWhatRefers(t *testing.T) {
	opts := Options{Config: Config{Retention: []Rule{{Repositories: "**", Untagged: grace}}}}
	inWorld(t, opts, func(t *testing.T, w *world) {
		child := w.push(t, "step", "temporary", "layer")
		note := manifest(child, "note")
		for _, text := range []string{"note", "stray"} {
			assert.Equal(t, w.upload("step", digest.FromString(text), []byte(text)), http.StatusCreated)
		}
		assert.Equal(t, w.put("step", digest.FromBytes(note).String(), note), http.StatusCreated)
		stray := manifest("", "stray")
		assert.Equal(t, w.put("step", digest.FromBytes(stray).String(), stray), http.StatusCreated)
		inner := index(child)
		assert.Equal(t, w.put("step", digest.FromBytes(inner).String(), inner), http.StatusCreated)
		assert.Equal(t, w.put("step", "all", index(digest.FromBytes(inner))), http.StatusCreated)
		assert.Equal(t, w.status(http.MethodDelete, manifestURL("step", "temporary")), http.StatusAccepted)
		for range 4 {
			age()
			w.collect(t)
		}
		w.pulls(t, "step", "all")
		w.pulls(t, "step", digest.FromBytes(note).String())
		assert.Equal(t, w.status(http.MethodGet, manifestURL("step", digest.FromBytes(stray).String())), http.StatusNotFound)
		assert.Assert(t, !w.there(t, data("stray")))
	})
}

func TestABlobByAnotherDigestIsKeptByIt(t *testing.T) {
	inWorld(t, Options{}, func(t *testing.T, w *world) {
		text := "by sha512"
		d := digest.SHA512.FromString(text)
		assert.Equal(t, w.upload("step", d, []byte(text)), http.StatusCreated)
		assert.Equal(t, w.upload("step", digest.FromString("{}"), []byte("{}")), http.StatusCreated)
		m := strings.ReplaceAll(string(manifest("", text)), digest.FromString(text).String(), d.String())
		assert.Equal(t, w.put("step", "v1", []byte(m)), http.StatusCreated)
		for range 3 {
			age()
			assert.Equal(t, w.collect(t).Quarantined, 0)
		}
		w.pulls(t, "step", "v1")

		assert.Equal(t, w.status(http.MethodDelete, manifestURL("step", digest.FromString(m).String())), http.StatusAccepted)
		age()
		w.collect(t)
		assert.Assert(t, !w.has("step", d), "it is hidden by all its names")
		age()
		assert.Equal(t, w.collect(t).Removed.Blobs, 3)
		assert.Assert(t, !w.there(t, layout.Layer("step", d)))
	})
}

func TestLinksToNothingGo(t *testing.T) {
	inWorld(t, Options{}, func(t *testing.T, w *world) {
		d := digest.FromString("nothing")
		links := []string{
			layout.Layer("step", d), layout.Revision("step", d), layout.TagCurrent("other", "v1"),
			layout.Referrer("step", digest.FromString("subject"), d),
		}
		for _, link := range links {
			assert.NilError(t, w.driver.PutContent(t.Context(), link, []byte(d)))
		}
		for range 4 {
			age()
			w.collect(t)
		}
		for _, link := range links {
			assert.Assert(t, !w.there(t, link), link)
		}
	})
}

func TestATagWhoseDeletionWasKilledGoesWhateverIsLeftOfIt(t *testing.T) {
	inWorld(t, Options{}, func(t *testing.T, w *world) {
		w.push(t, "step", "v1", "layer")
		for _, left := range []string{layout.TagCurrent("step", "emptied"), layout.TagName("step", "named")} {
			assert.NilError(t, w.driver.PutContent(t.Context(), left, nil))
		}
		assert.NilError(t, w.driver.Delete(t.Context(), layout.TagCurrent("step", "emptied")))
		list, _ := w.get("/v2/step/tags/list")
		assert.Equal(t, string(list), `{"name":"step","tags":["emptied","named","v1"]}`+"\n")
		age()
		assert.Equal(t, w.collect(t).Tags, 1)
		w.push(t, "step", "emptied", "layer")
		age()
		w.collect(t)
		list, _ = w.get("/v2/step/tags/list")
		assert.Equal(t, string(list), `{"name":"step","tags":["emptied","v1"]}`+"\n")
		w.pulls(t, "step", "emptied")
		w.pulls(t, "step", "v1")
	})
}

// Not in memory, where a directory's time stays as it was when something is removed from it.
func TestATagWhoseDeletionWasKilledIsNoYoungerForIt(t *testing.T) {
	const short = 10 * time.Millisecond
	pass := func() { time.Sleep(5 * short) }
	w := onDisk(t, t.TempDir(), Options{Config: Config{
		GracePeriod: short, Retention: []Rule{{Repositories: "sweep/*", TTL: short, KeepLast: 1, Untagged: short}},
	}})
	for _, tag := range []string{"old", "new"} {
		w.push(t, "sweep/a", tag, tag)
		pass()
	}
	// A directory is removed entry by entry.
	assert.NilError(t, w.driver.Delete(t.Context(), layout.Tag("sweep/a", "old")+"/index"))
	for range 4 {
		pass()
		w.collect(t)
	}
	w.pulls(t, "sweep/a", "new")
	assert.Assert(t, !w.there(t, layout.Tag("sweep/a", "old")))
}

func TestWhatATagHasNamedIsForgottenWithItsManifest(t *testing.T) {
	opts := Options{Config: Config{Retention: []Rule{{Repositories: "sweep", Untagged: grace}}}}
	inWorld(t, opts, func(t *testing.T, w *world) {
		named := func(repository string, d digest.Digest) string {
			return layout.Tag(repository, "latest") + "/index/sha256/" + d.Encoded() + "/link"
		}
		expired := w.push(t, "sweep", "latest", "expired")
		deleted, kept := w.push(t, "step", "latest", "deleted"), w.push(t, "step", "latest", "kept")
		current := w.push(t, "sweep", "latest", "current")
		assert.Equal(t, w.push(t, "step", "latest", "current"), current)
		assert.Equal(t, w.status(http.MethodDelete, manifestURL("step", deleted.String())), http.StatusAccepted)
		assert.Assert(t, w.there(t, named("step", deleted)))
		for range 4 {
			age()
			w.collect(t)
		}
		for _, link := range []string{named("sweep", expired), named("step", deleted)} {
			assert.Assert(t, !w.there(t, link), link)
		}
		for _, link := range []string{named("sweep", current), named("step", current), named("step", kept)} {
			assert.Assert(t, w.there(t, link), link)
		}
		w.pulls(t, "sweep", "latest")
		w.pulls(t, "step", "latest")
		w.pulls(t, "step", kept.String())
	})
}

func TestWhatCannotBeReadKeepsItsRepositorysBlobs(t *testing.T) {
	inWorld(t, Options{}, func(t *testing.T, w *world) {
		m := w.push(t, "step", "v1", "layer")
		assert.NilError(t, w.driver.PutContent(t.Context(), layout.BlobData(m), []byte("rotten")))
		for range 3 {
			age()
			assert.Equal(t, w.collect(t).Quarantined, 0)
		}
		assert.Assert(t, w.there(t, data("layer")))
	})
}

// condemnLost makes a blob "lost" that is condemned in the next round.
func condemnLost(t *testing.T, w *world) digest.Digest {
	t.Helper()
	for _, text := range []string{"lost", "{}"} {
		assert.Equal(t, w.upload("step", digest.FromString(text), []byte(text)), http.StatusCreated)
	}
	age()
	w.collect(t)
	age()
	return digest.FromString("lost")
}

// duringSettle calls meanwhile when the round has condemned and looks again.
func (w *world) duringSettle(t *testing.T, meanwhile func()) (done <-chan error) {
	t.Helper()
	condemned, hold := make(chan struct{}), make(chan struct{})
	w.driver.fail = func(op, p string) error {
		if op == "put" && p == condemnedRecord {
			close(condemned)
			<-hold
		}
		return nil
	}
	ended := make(chan error, 1)
	go func() {
		_, err := w.collector.Collect(t.Context())
		ended <- err
	}()
	<-condemned
	meanwhile()
	close(hold)
	return ended
}

func TestWhoMakesUseOfWhatIsCondemnedWaits(t *testing.T) {
	lost, other := digest.FromString("lost"), digest.SHA512.FromString("other")
	tests := map[string]func(w *world) int{
		"a manifest that lists it":          func(w *world) int { return w.put("step", "v1", manifest("", "lost")) },
		"the end of an upload of it":        func(w *world) int { return w.upload("new", lost, []byte("lost")) },
		"an upload that may be of the same": func(w *world) int { return w.upload("new", other, []byte("other")) },
	}
	for name, use := range tests {
		t.Run(name, func(t *testing.T) {
			inWorld(t, Options{}, func(t *testing.T, w *world) {
				condemnLost(t, w)
				answered := make(chan int, 1)
				done := w.duringSettle(t, func() {
					go func() { answered <- use(w) }()
					synctest.Wait()
					assert.Equal(t, len(answered), 0, "it waits")
					assert.Assert(t, w.there(t, data("lost")))
				})
				assert.NilError(t, <-done)
				switch status := <-answered; {
				case strings.Contains(name, "manifest"):
					assert.Equal(t, status, http.StatusBadRequest, "it lists what is gone")
				default:
					assert.Equal(t, status, http.StatusCreated)
				}
				assert.Equal(t, w.there(t, data("lost")), strings.HasSuffix(name, "upload of it"))
			})
		})
	}
}

func TestWhoBeganBeforeIsWaitedForAndSeen(t *testing.T) {
	inWorld(t, Options{}, func(t *testing.T, w *world) {
		condemnLost(t, w)
		begun, hold := make(chan struct{}), make(chan struct{})
		// The registry writes the manifest's link while the round goes on.
		w.driver.fail = func(op, p string) error {
			if op == "put" && strings.HasPrefix(p, layout.Revisions("step")) {
				close(begun)
				<-hold
			}
			return nil
		}
		answered := make(chan int, 1)
		go func() { answered <- w.put("step", "v1", manifest("", "lost")) }()
		<-begun
		done := make(chan error, 1)
		go func() {
			_, err := w.collector.Collect(t.Context())
			done <- err
		}()
		synctest.Wait()
		assert.Equal(t, len(done), 0, "the round waits")
		close(hold)
		assert.Equal(t, <-answered, http.StatusCreated)
		assert.NilError(t, <-done)
		w.pulls(t, "step", "v1")
	})
}

func TestWhoWaitsTooLongIsToldToComeAgain(t *testing.T) {
	inWorld(t, Options{}, func(t *testing.T, w *world) {
		d := condemnLost(t, w)
		w.collector.Gate().condemn(listed{blobNode(d): time.Now()})
		began := time.Now()
		response := w.do(http.MethodPut, manifestURL("step", "v1"), "", strings.NewReader(string(manifest("", "lost"))))
		assert.Equal(t, time.Since(began), Patience)
		assert.Equal(t, response.StatusCode, http.StatusServiceUnavailable)
		assert.Equal(t, response.Header.Get("Retry-After"), retryAfter)
		body, err := io.ReadAll(response.Body)
		assert.NilError(t, err)
		assert.Assert(t, strings.Contains(string(body), `"UNAVAILABLE"`), string(body))
	})
}

func TestARoundThatWaitsTooLongPardons(t *testing.T) {
	inWorld(t, Options{}, func(t *testing.T, w *world) {
		d := condemnLost(t, w)
		leave, _, err := w.collector.Gate().enter(t.Context(), &use{nodes: []node{blobNode(d)}})
		assert.NilError(t, err)
		_, err = w.collector.Collect(t.Context())
		assert.ErrorIs(t, err, errStuck)
		leave()
		assert.Equal(t, w.put("step", "v1", manifest("", "lost")), http.StatusCreated)
	})
}

func TestAFullDiskDoesNotKeepItsRoomFromBeingMade(t *testing.T) {
	full := errors.New("no space left on device")
	inWorld(t, Options{}, func(t *testing.T, w *world) {
		assert.Equal(t, w.upload("step", digest.FromString("lost"), []byte("lost")), http.StatusCreated)
		w.driver.fail = func(op, _ string) error {
			if op == "put" {
				return full
			}
			return nil
		}
		age()
		assert.Equal(t, w.collect(t).Quarantined, 1)
		assert.Assert(t, !w.has("step", digest.FromString("lost")))
		age()
		assert.Equal(t, w.collect(t).Removed.Blobs, 1)
	})
}

func TestWithReplicasTheReserveIsGivenUpForTheRecords(t *testing.T) {
	full := errors.New("no space left on device")
	inWorld(t, Options{Shared: true}, func(t *testing.T, w *world) {
		assert.Equal(t, w.upload("step", digest.FromString("lost"), []byte("lost")), http.StatusCreated)
		w.collect(t)
		w.driver.fail = func(op, _ string) error {
			if op == "put" && w.there(t, reserveFile) {
				return full
			}
			return nil
		}
		age()
		w.collect(t)
		age()
		assert.Equal(t, w.collect(t).Removed.Blobs, 1)
	})
}

func TestARoundBeginsWithWhatAKilledOneCondemned(t *testing.T) {
	inWorld(t, Options{}, func(t *testing.T, w *world) {
		d := condemnLost(t, w)
		since := time.Now().Add(-grace)
		used := digest.FromString("{}")
		assert.NilError(t, w.collector.store.save(t.Context(), condemnedRecord, listed{blobNode(d): since, blobNode(used): since}))
		assert.Equal(t, w.put("step", "v1", manifest("")), http.StatusCreated)
		w.restart(Options{})
		assert.NilError(t, w.collector.Finish(t.Context()))
		assert.Assert(t, !w.there(t, data("lost")))
		assert.Assert(t, !w.there(t, condemnedRecord))
		w.pulls(t, "step", "v1")
	})
}

func TestRecordsThatCannotBeReadAreForgotten(t *testing.T) {
	inWorld(t, Options{}, func(t *testing.T, w *world) {
		condemnLost(t, w)
		for _, record := range []string{quarantineRecord, condemnedRecord} {
			assert.NilError(t, w.driver.PutContent(t.Context(), record, []byte("{")))
		}
		w.restart(Options{})
		assert.Assert(t, w.has("step", digest.FromString("lost")))
		report := w.collect(t)
		assert.DeepEqual(t, report.Removed, Removed{})
		assert.Equal(t, report.Quarantined, 2)
		age()
		assert.Equal(t, w.collect(t).Removed.Blobs, 2)
	})
}

func TestTheRestIsPassedOn(t *testing.T) {
	driver := &faulty{StorageDriver: inmemory.New(), fail: func(op, p string) error { return errors.New(op + " " + p) }}
	gate := New(Options{Driver: driver}).Gate()
	handler := gate.Handler(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusTeapot) }))
	d := digest.FromString("x")
	for _, request := range []string{
		"GET " + blobURL("step", d), "GET " + manifestURL("step", "v1"), "HEAD " + manifestURL("step", "v1"), "DELETE " + blobURL("step", d),
		"PATCH /v2/step/blobs/uploads/1", "POST /v2/step/blobs/uploads/", "GET /v2/", "HEAD /v2/", "PUT /elsewhere", "HEAD /v2/step/blobs/none",
	} {
		method, url, _ := strings.Cut(request, " ")
		recorder := httptest.NewRecorder()
		handler.ServeHTTP(recorder, httptest.NewRequest(method, url, http.NoBody))
		assert.Equal(t, recorder.Code, http.StatusTeapot, request)
	}
}

func TestAMountWithoutASourceIsOneUnlessTheBlobIsQuarantined(t *testing.T) {
	inWorld(t, Options{}, func(t *testing.T, w *world) {
		d := digest.FromString("blob")
		assert.Equal(t, w.upload("step", d, []byte("blob")), http.StatusCreated)
		var asked string
		gate := w.collector.Gate().Handler(http.HandlerFunc(func(_ http.ResponseWriter, req *http.Request) {
			asked = req.URL.Query().Get("mount")
		}))
		mount := func() {
			gate.ServeHTTP(httptest.NewRecorder(), httptest.NewRequest(http.MethodPost, "/v2/other/blobs/uploads/?mount="+d.String(), nil))
		}
		mount()
		assert.Equal(t, asked, d.String())
		w.collector.gate.quarantined(listed{blobNode(d): time.Now()})
		mount()
		assert.Equal(t, asked, "", "it is to be sent again")
	})
}

func TestAManifestThatIsPushedByDigestWaitsForEveryTagThatItMoves(t *testing.T) {
	inWorld(t, Options{}, func(t *testing.T, w *world) {
		gate := w.collector.Gate()
		passed := gate.Handler(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusCreated) }))
		gate.condemn(listed{tagNode("step", "b"): time.Now()})
		answered := make(chan int, 1)
		go func() {
			answer := httptest.NewRecorder()
			path := "/v2/step/manifests/" + digest.FromString("{}").String() + "?tag=a&tag=b"
			passed.ServeHTTP(answer, httptest.NewRequest(http.MethodPut, path, strings.NewReader("{}")))
			answered <- answer.Code
		}()
		synctest.Wait()
		assert.Equal(t, len(answered), 0)
		gate.condemn(nil)
		assert.Equal(t, <-answered, http.StatusCreated)
	})
}

func TestLinksToNothingAreNotCounted(t *testing.T) {
	inWorld(t, Options{}, func(t *testing.T, w *world) {
		subject := w.push(t, "step", "v1", "layer")
		gone := w.push(t, "lost", "v1", "other layer")
		refers := manifest(subject, "layer")
		assert.Equal(t, w.put("step", "note", refers), http.StatusCreated)
		ghost := digest.FromString("a manifest that was never finished")
		assert.NilError(t, w.driver.PutContent(t.Context(), layout.Referrer("step", subject, ghost), []byte(ghost)))
		// Somebody has been at the storage.
		assert.NilError(t, w.driver.Delete(t.Context(), path.Dir(layout.BlobData(gone))))
		assert.NilError(t, w.driver.Delete(t.Context(), layout.Tag("step", "note")+"/current"))
		assert.NilError(t, w.driver.PutContent(t.Context(), layout.TagCurrent("step", "astray"), []byte(ghost)))

		report := w.collect(t)
		size := len("layer") + len("other layer") + len("{}") + len(manifest("", "layer")) + len(refers)
		assert.DeepEqual(t, []int{report.Repositories, report.Tags, report.Manifests, report.Blobs, int(report.Bytes)},
			[]int{1, 1, 2, 5, size})
	})
}

func TestATagWhosePushWasKilledGoesAndTakesNoOthersPlace(t *testing.T) {
	rule := Rule{Repositories: "sweep/**", TTL: time.Minute, KeepLast: 1, Untagged: time.Minute}
	inWorld(t, Options{Config: Config{Retention: []Rule{rule}}}, func(t *testing.T, w *world) {
		d := w.push(t, "sweep/a", "v1", "layer")
		age()
		// The library writes what a tag has ever named before it writes what it names.
		half := layout.Tag("sweep/a", "v2") + "/index/sha256/" + d.Encoded() + "/link"
		assert.NilError(t, w.driver.PutContent(t.Context(), half, []byte(d)))
		for range 2 {
			w.collect(t)
			time.Sleep(grace / 2)
		}
		for range 4 {
			age()
			w.collect(t)
		}
		w.pulls(t, "sweep/a", "v1")
		assert.Assert(t, !w.there(t, half))
	})
}
