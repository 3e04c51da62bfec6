package collect

import (
	"context"
	"fmt"
	"io/fs"
	"math/rand/v2"
	"net/http"
	"os"
	"path/filepath"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/opencontainers/go-digest"
	"gotest.tools/v3/assert"

	"github.com/converged-computing/oras-operator/pkg/registry/layout"
)

// soakEnv is how long each soak is, as a duration. Without it they are short.
const soakEnv = "SOAK_REGISTRY"

const (
	soakGrace   = 400 * time.Millisecond
	soakSettle  = 400 * time.Millisecond
	soakWorkers = 8
)

func TestNothingAcknowledgedIsLostWhileGarbageIsCollected(t *testing.T) {
	soak(t, 1)
}

func TestNothingAcknowledgedIsLostWithReplicas(t *testing.T) {
	soak(t, 3)
}

// site is a storage with replicas of a registry on it.
type site struct {
	root     string
	replicas []*world
	log      *counted
	turn     sync.Mutex // whose holder collects
}

// counted are what the workers saw.
type counted struct{ pushes, skips, mounts, uploads, deletions, refusals, busy, rounds, removed atomic.Int64 }

func soak(t *testing.T, replicas int) {
	t.Helper()
	length := 4 * time.Second
	if text := os.Getenv(soakEnv); text != "" {
		var err error
		length, err = time.ParseDuration(text)
		assert.NilError(t, err)
	}
	s := &site{root: t.TempDir(), log: &counted{}}
	for range replicas {
		w := onDisk(t, s.root, Options{Shared: replicas > 1, Settle: soakSettle, Config: Config{
			GracePeriod: soakGrace,
			Retention:   []Rule{{Repositories: "temporary/*", TTL: time.Second, KeepLast: 1, Untagged: time.Second}},
		}})
		s.replicas = append(s.replicas, w)
	}
	seed := uint64(time.Now().UnixNano())
	t.Logf("seed %d", seed)

	ctx, stop := context.WithTimeout(t.Context(), length)
	defer stop()
	// Rounds go on until the last push is acknowledged, which may wait for one to end.
	turning, halt := context.WithCancel(t.Context())
	defer halt()
	var collectors, pushers sync.WaitGroup
	for i, w := range s.replicas {
		collectors.Go(func() { s.collecting(turning, t, w, rand.New(rand.NewPCG(seed, uint64(i)))) })
	}
	workers := make([]*worker, soakWorkers)
	for i := range workers {
		workers[i] = &worker{t: t, site: s, id: i, r: rand.New(rand.NewPCG(seed, uint64(100+i))), tags: map[string][]byte{}, kept: map[string][]byte{}}
		pushers.Go(func() {
			for ctx.Err() == nil && !t.Failed() {
				workers[i].step()
			}
		})
	}
	pushers.Wait()
	halt()
	collectors.Wait()
	s.check(t, workers)
	t.Logf("pushes %d, skipped blobs %d, mounts %d, uploads %d, deletions %d, refused %d, busy %d, rounds %d, removed %d",
		s.log.pushes.Load(), s.log.skips.Load(), s.log.mounts.Load(), s.log.uploads.Load(), s.log.deletions.Load(),
		s.log.refusals.Load(), s.log.busy.Load(), s.log.rounds.Load(), s.log.removed.Load())
	assert.Assert(t, s.log.rounds.Load() > 1)
}

// collecting does rounds at one replica, when it has the turn. Some are cut short, as by a turn that is lost.
func (s *site) collecting(ctx context.Context, t *testing.T, w *world, r *rand.Rand) {
	for ctx.Err() == nil && !t.Failed() {
		func() {
			s.turn.Lock()
			defer s.turn.Unlock()
			round, cancel := context.WithCancel(ctx)
			defer cancel()
			if r.IntN(4) == 0 {
				time.AfterFunc(time.Duration(r.IntN(1000))*time.Millisecond, cancel)
			}
			report, err := w.collector.Collect(round)
			if err != nil && round.Err() == nil {
				t.Errorf("collecting: %v", err)
			}
			s.log.rounds.Add(1)
			s.log.removed.Add(int64(report.Removed.Blobs))
		}()
		time.Sleep(time.Duration(r.IntN(100)) * time.Millisecond)
	}
}

// worker pushes and deletes, and knows what was acknowledged to it. Its tags and manifests are its own; blobs are everybody's.
type worker struct {
	t    *testing.T
	site *site
	id   int
	r    *rand.Rand
	seq  int
	tags map[string][]byte // manifests by REPOSITORY:TAG
	kept map[string][]byte // manifests by REPOSITORY@DIGEST, in repositories where the untagged stay
	gone [][]byte          // manifests that were deleted, to be pushed again
}

// at is any replica.
func (w *worker) at() client { return w.site.replicas[w.r.IntN(len(w.site.replicas))].client }

func (w *worker) repository() string { return fmt.Sprintf("repo-%d", w.r.IntN(3)) }

func (w *worker) step() {
	switch n := w.r.IntN(20); {
	case n < 9:
		w.pushNew(w.repository(), fmt.Sprintf("w%d-%d", w.id, w.r.IntN(3)))
	case n < 11:
		w.pushNew(fmt.Sprintf("temporary/%d", w.r.IntN(2)), fmt.Sprintf("w%d-%d", w.id, w.seq))
	case n < 13:
		w.pushIndex()
	case n < 14 && len(w.gone) > 0:
		data := w.gone[w.r.IntN(len(w.gone))]
		w.push(w.repository(), fmt.Sprintf("w%d-again", w.id), data)
	case n < 19:
		w.deleteSome()
	default:
		w.pull()
	}
}

// layer is one of few, so that they die and are used again.
func (w *worker) layer() string {
	text := fmt.Sprintf("layer %d", w.r.IntN(30))
	for len(text) < 4000 {
		text += text
	}
	return text
}

func (w *worker) pushNew(repository, tag string) {
	w.seq++
	var layers []string
	for range 1 + w.r.IntN(3) {
		layers = append(layers, w.layer())
	}
	subject := digest.FromString(fmt.Sprintf("worker %d, artifact %d", w.id, w.seq)) // it makes the manifest its own
	w.push(repository, tag, manifest(subject, layers...), layers...)
}

// push pushes as clients do until it is acknowledged: what is there is skipped, what another repository has is mounted.
func (w *worker) push(repository, tag string, data []byte, layers ...string) {
	if len(layers) == 0 {
		layers = w.layersOf(data)
	}
	for !w.t.Failed() {
		if !w.sendAll(repository, append(layers, "{}")) {
			continue
		}
		switch status := w.at().put(repository, tag, data); status {
		case http.StatusCreated:
			w.site.log.pushes.Add(1)
			w.acknowledged(repository, tag, data)
			return
		case http.StatusServiceUnavailable:
			w.site.log.busy.Add(1)
		case http.StatusBadRequest, http.StatusNotFound:
			w.site.log.refusals.Add(1) // a blob that was there went: so short is the grace period
		default:
			w.t.Errorf("worker %d: pushing %s:%s: status %d", w.id, repository, tag, status)
		}
	}
}

// layersOf finds the layers of a manifest among all there are.
func (w *worker) layersOf(data []byte) (layers []string) {
	says, err := parse(data)
	assert.Check(w.t, err)
	for i := range 30 {
		text := fmt.Sprintf("layer %d", i)
		for len(text) < 4000 {
			text += text
		}
		for _, d := range says.lists {
			if d == digest.FromString(text) {
				layers = append(layers, text)
			}
		}
	}
	return layers
}

func (w *worker) sendAll(repository string, layers []string) bool {
	for _, text := range layers {
		d := digest.FromString(text)
		if w.at().has(repository, d) {
			w.site.log.skips.Add(1)
			continue
		}
		if w.r.IntN(2) == 0 && w.at().mount(repository, w.repository(), d) {
			w.site.log.mounts.Add(1)
			continue
		}
		if status := w.at().upload(repository, d, []byte(text)); status != http.StatusCreated {
			w.site.log.busy.Add(1)
			if status != http.StatusServiceUnavailable {
				w.t.Errorf("worker %d: uploading to %s: status %d", w.id, repository, status)
			}
			return false
		}
		w.site.log.uploads.Add(1)
	}
	return true
}

func (w *worker) acknowledged(repository, tag string, data []byte) {
	if repository[0] == 't' {
		return // it goes by itself
	}
	w.tags[repository+":"+tag] = data
	w.kept[repository+"@"+digest.FromBytes(data).String()] = data
}

// pushIndex makes an index of a manifest that was acknowledged.
func (w *worker) pushIndex() {
	repository := w.repository()
	for key, data := range w.kept {
		if name, d, ok := cut(key, '@'); ok && name == repository && len(w.layersOf(data)) > 0 {
			w.push(repository, fmt.Sprintf("w%d-index", w.id), index(digest.Digest(d)))
			return
		}
	}
}

// deleteSome deletes a manifest by its digest, and with it its tags; what is listed by an index of its too.
func (w *worker) deleteSome() {
	for key, data := range w.kept {
		repository, d, _ := cut(key, '@')
		for other, index := range w.kept {
			if lists, err := parse(index); err == nil && other != key {
				for _, listed := range lists.lists {
					if name, _, _ := cut(other, '@'); name == repository && listed.String() == d {
						return
					}
				}
			}
		}
		w.site.log.deletions.Add(1)
		if status := w.at().status(http.MethodDelete, manifestURL(repository, d)); status != http.StatusAccepted {
			w.t.Errorf("worker %d: deleting %s: status %d", w.id, key, status)
		}
		delete(w.kept, key)
		for tag, tagged := range w.tags {
			if name, _, _ := cut(tag, ':'); name == repository && string(tagged) == string(data) {
				delete(w.tags, tag)
			}
		}
		if len(w.layersOf(data)) > 0 {
			w.gone = append(w.gone, data)
		}
		return
	}
}

func (w *worker) pull() {
	for key := range w.kept {
		repository, d, _ := cut(key, '@')
		w.at().checks(w.t, repository, d)
		return
	}
}

func cut(key string, at byte) (before, after string, ok bool) {
	for i := range len(key) {
		if key[i] == at {
			return key[:i], key[i+1:], true
		}
	}
	return key, "", false
}

// checks is pulls for a goroutine that is not the test's.
func (c client) checks(t *testing.T, repository, reference string) []digest.Digest {
	t.Helper()
	data, status := c.get(manifestURL(repository, reference))
	if status != http.StatusOK {
		t.Errorf("manifest %s of %s: status %d", reference, repository, status)
		return nil
	}
	all := []digest.Digest{digest.FromBytes(data)}
	if d, ok := asDigest(reference); ok && d != all[0] {
		t.Errorf("manifest %s of %s is another", reference, repository)
	}
	says, err := parse(data)
	assert.Check(t, err)
	for _, d := range says.lists {
		all = append(all, d)
		if blob, status := c.get(blobURL(repository, d)); status == http.StatusOK {
			assert.Check(t, d == digest.FromBytes(blob), "blob %s of %s", d, repository)
			continue
		}
		// An index lists manifests, which are no blobs of the repository.
		all = append(all, c.checks(t, repository, d.String())...)
	}
	return all
}

// check checks that all that was acknowledged is there, and, some grace periods later, nothing else.
func (s *site) check(t *testing.T, workers []*worker) {
	t.Helper()
	verify := func() map[digest.Digest]bool {
		live := map[digest.Digest]bool{}
		for _, w := range workers {
			for key := range w.kept {
				repository, d, _ := cut(key, '@')
				for _, d := range w.at().checks(t, repository, d) {
					live[d] = true
				}
			}
			for key, data := range w.tags {
				repository, tag, _ := cut(key, ':')
				got, _ := w.at().get(manifestURL(repository, tag))
				assert.Check(t, string(got) == string(data), "tag %s", key)
			}
		}
		return live
	}
	verify()
	one := s.replicas[0]
	for range 5 {
		time.Sleep(soakGrace + 50*time.Millisecond)
		one.collect(t)
	}
	time.Sleep(time.Second) // the rule's
	for range 5 {
		time.Sleep(soakGrace + 50*time.Millisecond)
		one.collect(t)
	}
	live := verify()
	for i := range 2 {
		repository := fmt.Sprintf("temporary/%d", i)
		tags, err := one.driver.List(t.Context(), layout.Tags(repository))
		assert.NilError(t, ignoreMissing(err))
		assert.Check(t, len(tags) <= 1, "all but the youngest tag go: %v", tags)
		for _, tag := range tags {
			for _, d := range one.checks(t, repository, filepath.Base(tag)) {
				live[d] = true
			}
		}
	}
	stored := 0
	assert.NilError(t, filepath.WalkDir(filepath.Join(s.root, layout.Blobs), func(p string, entry fs.DirEntry, err error) error {
		if err == nil && entry.Name() == "data" {
			stored++
			assert.Check(t, live[digest.NewDigestFromEncoded("sha256", filepath.Base(filepath.Dir(p)))], "nobody needs %s", p)
		}
		return err
	}))
	assert.Equal(t, stored, len(live))
}
