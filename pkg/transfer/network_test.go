package transfer_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"
	"unicode"

	"golang.org/x/sync/errgroup"
	"gotest.tools/v3/assert"
	is "gotest.tools/v3/assert/cmp"
	"oras.land/oras-go/v2/registry/remote/auth"

	"github.com/converged-computing/oras-operator/pkg/transfer"
	"github.com/converged-computing/oras-operator/pkg/transfer/internal/testregistry"
)

// first applies a fault to the first request that is picked, and to no other.
func first(pick func(*http.Request) bool, fault testregistry.Fault) testregistry.Fault {
	var done atomic.Bool
	return func(w http.ResponseWriter, r *http.Request) bool {
		return pick(r) && done.CompareAndSwap(false, true) && fault(w, r)
	}
}

func isBlobGet(r *http.Request) bool {
	return r.Method == http.MethodGet && strings.Contains(r.URL.Path, "/blobs/sha256:")
}

// isUpload picks the requests that carry at least a mebibyte of a blob.
func isUpload(r *http.Request) bool {
	return (r.Method == http.MethodPut || r.Method == http.MethodPatch) && strings.Contains(r.URL.Path, "/blobs/uploads/") && r.ContentLength > 1<<20
}

func TestE77AFailureInTheMiddleOfAnUploadIsRetried(t *testing.T) {
	const some = 1 << 20
	for name, fault := range map[string]testregistry.Fault{
		"500": func(w http.ResponseWriter, r *http.Request) bool {
			_, _ = io.CopyN(io.Discard, r.Body, some)
			return status(http.StatusInternalServerError)(w, r)
		},
		"reset": func(w http.ResponseWriter, r *http.Request) bool {
			_, _ = io.CopyN(io.Discard, r.Body, some)
			return reset(w, r)
		},
	} {
		t.Run(name, func(t *testing.T) {
			registry := testregistry.Start(t)
			repo, from := repository(t, registry, "broken"), t.TempDir()
			growTree(t, from, map[string]string{"raw": strings.Repeat("01234567", 5<<17)})
			tool := filepath.Join(from, "tool")
			assert.NilError(t, os.WriteFile(tool, noise(rand.New(rand.NewPCG(1, 1)), 9<<20), 0o755))
			var broken atomic.Int64
			registry.SetFault(func(w http.ResponseWriter, r *http.Request) bool {
				return isUpload(r) && broken.Add(1) <= 2 && fault(w, r)
			})
			push(t, repo, "v1", from)
			assert.Assert(t, broken.Load() > 2, "%d uploads", broken.Load())
			registry.SetFault(nil)
			into := t.TempDir()
			pull(t, repo, "v1", into)
			assert.DeepEqual(t, describe(t, into), describe(t, from))
		})
	}
}

func TestE77RetryAfterIsHeededInTheMiddleOfAPull(t *testing.T) {
	registry := testregistry.Start(t)
	repo := repository(t, registry, "patience")
	push(t, repo, "v1", twoLayers(t).Path())
	registry.SetFault(first(isBlobGet, func(w http.ResponseWriter, _ *http.Request) bool {
		w.Header().Set("Retry-After", "1")
		w.WriteHeader(http.StatusTooManyRequests)
		return true
	}))
	start := time.Now()
	pull(t, repo, "v1", t.TempDir())
	assert.Assert(t, time.Since(start) >= time.Second, time.Since(start))
}

func TestE77ARegistryThatStallsIsGivenUpAtTheDeadline(t *testing.T) {
	registry := testregistry.Start(t)
	repo := repository(t, registry, "stall")
	push(t, repo, "v1", twoLayers(t).Path())
	start, into := time.Now(), t.TempDir()
	var asked atomic.Int64 // when the content was last asked for, since the start
	registry.SetFault(func(w http.ResponseWriter, r *http.Request) bool {
		if isBlobGet(r) {
			asked.Store(int64(time.Since(start)))
			w.Header().Set("Content-Type", "application/octet-stream") // of unknown length
			_, _ = w.Write([]byte("{"))
			_ = http.NewResponseController(w).Flush()
			<-r.Context().Done()
			return true
		}
		return false
	})
	ctx, cancel := context.WithTimeout(t.Context(), time.Second)
	defer cancel()
	_, err := pullInto(ctx, repo, "v1", into, transfer.PullOptions{Retry: quick()})
	took := time.Since(start)
	assert.Assert(t, transfer.Transient(err), err)
	found := regexp.MustCompile(`gave up after (\S+):`).FindStringSubmatch(err.Error())
	assert.Assert(t, is.Len(found, 2), err)
	after, err := time.ParseDuration(found[1])
	assert.NilError(t, err)
	const rounding = 50 * time.Millisecond
	least := time.Second - time.Duration(asked.Load()) - rounding
	assert.Assert(t, least <= after && after <= took+rounding, "%s of %s, %s at least", after, took, least)
	isEmpty(t, into)
}

func TestE77AManifestThatIsNotWholeLeavesNothing(t *testing.T) {
	for name, spoil := range map[string]func(w http.ResponseWriter, body *answer){
		"it is truncated": func(w http.ResponseWriter, body *answer) { _, _ = w.Write(body.content[:100]) },
		"one bit is wrong": func(w http.ResponseWriter, body *answer) {
			body.content[len(body.content)/2] ^= 1
			_, _ = w.Write(body.content)
		},
		"it is another one": func(w http.ResponseWriter, body *answer) {
			_, _ = w.Write(bytes.Replace(body.content, []byte("artifact.v1"), []byte("artifact.v2"), 1)) // of somebody else
		},
		"it breaks off": func(w http.ResponseWriter, body *answer) {
			w.Header().Set("Content-Length", fmt.Sprint(len(body.content)))
			_, _ = w.Write(body.content[:100])
			panic(http.ErrAbortHandler)
		},
		"it is empty": func(w http.ResponseWriter, _ *answer) { w.WriteHeader(http.StatusOK) },
	} {
		t.Run(name, func(t *testing.T) {
			registry := testregistry.Start(t)
			repo := repository(t, registry, "manifest")
			pushed := push(t, repo, "v1", twoLayers(t).Path())
			registry.SetFault(func(w http.ResponseWriter, r *http.Request) bool {
				if r.Method != http.MethodGet || !strings.Contains(r.URL.Path, "/manifests/") {
					return false
				}
				body := &answer{header: http.Header{}}
				registry.Serve(body, r)
				for _, key := range []string{"Content-Type", "Docker-Content-Digest"} {
					w.Header().Set(key, body.header.Get(key))
				}
				spoil(w, body)
				return true
			})
			for _, ref := range []string{"v1", pushed.Descriptor.Digest.String()} {
				into := t.TempDir()
				_, err := pullInto(t.Context(), repo, ref, into, transfer.PullOptions{Retry: transfer.Retry{First: time.Millisecond, Limit: 50 * time.Millisecond}})
				assert.ErrorContains(t, err, "pulling "+registry.Host+"/manifest")
				assert.Equal(t, transfer.Transient(err), name == "it breaks off", "%v", err)
				isEmpty(t, into)
			}
		})
	}
}

// secured lets through who has a password.
func secured(password string) testregistry.Fault {
	return func(w http.ResponseWriter, r *http.Request) bool {
		if _, given, _ := r.BasicAuth(); given == password {
			return false
		}
		w.Header().Set("WWW-Authenticate", `Basic realm="x"`)
		w.WriteHeader(http.StatusUnauthorized)
		return true
	}
}

// elsewhere is a server by another name than the registry's, which notes the credentials that it is given.
func elsewhere(t *testing.T, serve http.HandlerFunc) (url string, given func() []string) {
	t.Helper()
	var mu sync.Mutex
	var all []string
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		mu.Lock()
		all = append(all, r.Header.Get("Authorization"))
		mu.Unlock()
		serve(w, r)
	}))
	t.Cleanup(server.Close)
	return strings.Replace(server.URL, "127.0.0.1", "localhost", 1), func() []string {
		mu.Lock()
		defer mu.Unlock()
		return all
	}
}

func TestE77CredentialsDoNotFollowARedirectToElsewhere(t *testing.T) {
	registry, guard := testregistry.Start(t), secured("secret")
	url, given := elsewhere(t, func(w http.ResponseWriter, r *http.Request) { registry.Serve(w, r) })
	r := transfer.Registry{Host: registry.Host, PlainHTTP: true, Credential: auth.StaticCredential(registry.Host, auth.Credential{Username: "u", Password: "secret"})}
	repo, err := r.Repository("redirected")
	assert.NilError(t, err)
	from, into := twoLayers(t), t.TempDir()
	registry.SetFault(guard)
	push(t, repo, "v1", from.Path())
	registry.SetFault(func(w http.ResponseWriter, r *http.Request) bool {
		if guard(w, r) {
			return true
		}
		if isBlobGet(r) {
			http.Redirect(w, r, url+r.URL.Path+"?signature=x", http.StatusTemporaryRedirect)
			return true
		}
		return false
	})
	pull(t, repo, "v1", into)
	assert.DeepEqual(t, describe(t, into), describe(t, from.Path()))
	assert.Assert(t, len(given()) >= 3, "an index and two layers")
	for _, credentials := range given() {
		assert.Equal(t, credentials, "")
	}
}

func TestE77CredentialsDoNotFollowAnUploadToElsewhere(t *testing.T) {
	registry, guard := testregistry.Start(t), secured("secret")
	url, given := elsewhere(t, func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusCreated) })
	r := transfer.Registry{Host: registry.Host, PlainHTTP: true, Credential: auth.StaticCredential(registry.Host, auth.Credential{Username: "u", Password: "secret"})}
	repo, err := r.Repository("redirected")
	assert.NilError(t, err)
	registry.SetFault(func(w http.ResponseWriter, r *http.Request) bool {
		if guard(w, r) {
			return true
		}
		if r.Method == http.MethodPost {
			w.Header().Set("Location", url+r.URL.Path+"upload")
			w.WriteHeader(http.StatusAccepted)
			return true
		}
		return false
	})
	_, err = transfer.Push(t.Context(), repo, "v1", transfer.Directory(twoLayers(t).Path()), transfer.PushOptions{Retry: quick()})
	assert.Assert(t, transfer.Final(err), err)
	assert.Equal(t, len(given()), 0, "nothing is asked of elsewhere")
}

// tokens are bearer tokens that live until they are made to expire.
type tokens struct {
	realm string
	mu    sync.Mutex
	made  int
	live  map[string]bool
}

func (k *tokens) expire() {
	k.mu.Lock()
	defer k.mu.Unlock()
	clear(k.live)
}

// fault answers who asks for a token, and who has none that lives.
func (k *tokens) fault(w http.ResponseWriter, r *http.Request) bool {
	k.mu.Lock()
	defer k.mu.Unlock()
	if r.URL.Path == "/token" {
		k.made++
		token := fmt.Sprintf("token-%d", k.made)
		k.live[token] = true
		_, _ = fmt.Fprintf(w, `{"token":%q}`, token)
		return true
	}
	if k.live[strings.TrimPrefix(r.Header.Get("Authorization"), "Bearer ")] {
		return false
	}
	w.Header().Set("WWW-Authenticate", fmt.Sprintf(`Bearer realm=%q,service="test",scope="repository:token:pull,push"`, k.realm))
	w.WriteHeader(http.StatusUnauthorized)
	return true
}

func TestE78ATokenThatExpiresBetweenRequestsIsRenewed(t *testing.T) {
	registry := testregistry.Start(t)
	guard := &tokens{realm: "http://" + registry.Host + "/token", live: map[string]bool{}}
	expire := func(pick func(*http.Request) bool) testregistry.Fault {
		return first(pick, func(http.ResponseWriter, *http.Request) bool {
			guard.expire()
			return false
		})
	}
	slow := []testregistry.Fault{
		expire(func(r *http.Request) bool { return r.Method == http.MethodPost }),
		expire(func(r *http.Request) bool {
			return r.Method == http.MethodPut && strings.Contains(r.URL.Path, "/manifests/")
		}),
		expire(isBlobGet),
	}
	registry.SetFault(func(w http.ResponseWriter, r *http.Request) bool {
		for _, fault := range slow {
			fault(w, r)
		}
		return guard.fault(w, r)
	})
	repo, from, into := repository(t, registry, "token"), twoLayers(t), t.TempDir()
	_, err := transfer.Push(t.Context(), repo, "v1", transfer.Directory(from.Path()), transfer.PushOptions{Retry: quick(), Concurrency: 1})
	assert.NilError(t, err)
	_, err = pullInto(t.Context(), repo, "v1", into, transfer.PullOptions{Retry: quick(), Concurrency: 1})
	assert.NilError(t, err)
	assert.DeepEqual(t, describe(t, into), describe(t, from.Path()))
	guard.mu.Lock()
	defer guard.mu.Unlock()
	assert.Assert(t, guard.made >= 4, "%d tokens", guard.made)
}

func TestE80ADiskThatIsFullIsFinalAndLeavesNothing(t *testing.T) {
	if !inChild(t, withMounts) {
		return
	}
	from := t.TempDir()
	disk := onDisk(t, "6m")
	repo := repository(t, testregistry.Start(t), "full")
	for name, files := range map[string]map[string]string{
		"large": {"d/large": strings.Repeat("x", 8<<20)},
		"small": {"d/a": strings.Repeat("a", 3<<20), "d/b": strings.Repeat("b", 3<<20), "d/c": strings.Repeat("c", 3<<20)},
		"tiny":  tinyFiles(2000, 8<<10),
	} {
		growTree(t, filepath.Join(from, name), files)
		push(t, repo, name, filepath.Join(from, name))
		_, err := pullInto(t.Context(), repo, name, filepath.Join(disk, "into"), transfer.PullOptions{Retry: quick()})
		assert.ErrorIs(t, err, syscall.ENOSPC, name)
		assert.ErrorContains(t, err, "d/", name)
		assert.Assert(t, transfer.Final(err), err)
		failure, _ := errors.AsType[*transfer.Error](err)
		assert.Equal(t, failure.Side, transfer.SideTree)
		isEmpty(t, filepath.Join(disk, "into"))
	}
}

// tinyFiles are n files of a size in one directory.
func tinyFiles(n, size int) map[string]string {
	files := map[string]string{}
	for i := range n {
		files[fmt.Sprintf("d/%04d", i)] = strings.Repeat(string(rune('a'+i%26)), size)
	}
	return files
}

func TestE81OfManyWritersOfOneTagOneWinsWholeAndAllStayPullable(t *testing.T) {
	registry := testregistry.Start(t)
	const writers = 8
	trees, digests := make([]string, writers), make([]string, writers)
	var group errgroup.Group
	for i := range writers {
		trees[i] = t.TempDir()
		growTree(t, trees[i], map[string]string{"shared/f": "x", "own": strings.Repeat(fmt.Sprint(i), 1000), fmt.Sprint(i): ""})
		repo := repository(t, registry, "tagged")
		group.Go(func() error {
			result, err := transfer.Push(t.Context(), repo, "v1", transfer.Directory(trees[i]), transfer.PushOptions{Retry: quick()})
			digests[i] = result.Descriptor.Digest.String()
			return err
		})
	}
	assert.NilError(t, group.Wait())
	repo, into := repository(t, registry, "tagged"), t.TempDir()
	won := pull(t, repo, "v1", into).Descriptor.Digest.String()
	winners := 0
	for i, digest := range digests {
		each := t.TempDir()
		pull(t, repo, digest, each)
		assert.DeepEqual(t, describe(t, each), describe(t, trees[i]))
		if digest == won {
			winners++
			assert.DeepEqual(t, describe(t, into), describe(t, trees[i]))
		}
	}
	assert.Equal(t, winners, 1)
}

func TestE83TenThousandRepositoriesAndTagsAreListedByPages(t *testing.T) {
	if !inChild(t, withMounts) {
		return
	}
	onDisk(t, "1g")
	registry := testregistry.Start(t)
	const many = 10_000
	repositories := filepath.Join(registry.Root, "docker/registry/v2/repositories")
	for i := range many { // as distribution keeps them
		assert.NilError(t, os.MkdirAll(filepath.Join(repositories, fmt.Sprintf("point-%d/_manifests", i)), 0o755))
		assert.NilError(t, os.MkdirAll(filepath.Join(repositories, fmt.Sprintf("tagged/_manifests/tags/t%d", i)), 0o755))
	}
	registry.SetFault(func(_ http.ResponseWriter, r *http.Request) bool {
		query := r.URL.Query() // without n a page of tags has no end, and one of repositories has 100
		query.Set("n", "1000")
		r.URL.RawQuery = query.Encode()
		return false
	})
	for pattern, pages := range map[string]int{"point-*": 11, "tagged:t*": 11} {
		registry.Requests()
		found, err := client(registry).Match(t.Context(), pattern, many, quick())
		assert.NilError(t, err)
		assert.Equal(t, len(found), many)
		assert.Equal(t, len(registry.Requests()), pages, pattern)
		_, err = client(registry).Match(t.Context(), pattern, many-1, quick())
		assert.ErrorContains(t, err, "more than 9999 artifacts match")
	}
}

// poor is a registry that has nothing beyond what the specification demands, and not all of that.
func poor(registry *testregistry.Registry) testregistry.Fault {
	return func(w http.ResponseWriter, r *http.Request) bool {
		r.Header.Del("Range")
		switch {
		case r.Method == http.MethodPatch, r.Method == http.MethodDelete:
			return status(http.StatusMethodNotAllowed)(w, r)
		case strings.Contains(r.URL.Path, "/referrers/"), strings.Contains(r.URL.Path, "/tags/list"), strings.HasSuffix(r.URL.Path, "/_catalog"):
			return status(http.StatusNotFound)(w, r)
		case r.Method == http.MethodPost:
			r.URL.RawQuery = "" // neither mount nor an upload in one request
		}
		registry.Serve(rangeless{w}, r)
		return true
	}
}

func TestE85ARegistryThatLacksEverythingOptionalIsEnough(t *testing.T) {
	registry := testregistry.Start(t)
	registry.SetFault(poor(registry))
	repo, from := repository(t, registry, "poor"), t.TempDir()
	growTree(t, from, map[string]string{"raw": strings.Repeat("01234567", 5<<17), "tool": strings.Repeat("01234567", 9<<17), "d/small": "x"})
	assert.NilError(t, os.Chmod(filepath.Join(from, "tool"), 0o755))
	assert.NilError(t, os.WriteFile(filepath.Join(from, "noise"), noise(rand.New(rand.NewPCG(1, 1)), 30<<20), 0o644))
	survives(t, repo, from)
	again := push(t, repo, "v2", from)
	assert.Equal(t, again.Uploaded, int64(0))
	growTree(t, from, map[string]string{"d/more": "y"})
	survives(t, repo, from)
}

// FuzzRetryAfter holds that no answer of a registry makes a client wait longer than it is willing to.
func FuzzRetryAfter(f *testing.F) {
	for _, seed := range []string{"0", "1", "-1", "99999999999999999999", "Thu, 01 Jan 1970 00:00:00 GMT", "Fri, 31 Dec 9999 23:59:59 GMT", "1.5", ""} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, value string) {
		if strings.ContainsFunc(value, func(r rune) bool { return unicode.IsControl(r) && r != '\t' }) {
			return // no value of a header: the answer as a whole is none
		}
		server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Retry-After", value)
			w.WriteHeader(http.StatusServiceUnavailable)
		}))
		defer server.Close()
		repo, err := transfer.Registry{Host: strings.TrimPrefix(server.URL, "http://"), PlainHTTP: true}.Repository("a")
		assert.NilError(t, err)
		_, err = transfer.Resolve(t.Context(), repo, "v1", transfer.Retry{
			First: time.Microsecond, Longest: time.Microsecond, Limit: time.Millisecond,
			Notify: func(a transfer.Attempt) { assert.Check(t, a.Wait >= 0 && a.Wait <= 5*time.Minute, "%s", a.Wait) },
		})
		assert.Assert(t, transfer.Transient(err), err)
	})
}
