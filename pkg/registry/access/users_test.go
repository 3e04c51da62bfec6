package access

import (
	"log/slog"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"gotest.tools/v3/assert"
	"gotest.tools/v3/poll"
	clocktesting "k8s.io/utils/clock/testing"
)

// userFile is a file of users whose guard looks at it when a test says so.
type userFile struct {
	path  string
	clock *clocktesting.FakeClock
	log   *strings.Builder
	guard *Guard
}

func newUserFile(t *testing.T, text string) *userFile {
	t.Helper()
	f := &userFile{path: filepath.Join(t.TempDir(), "users"), clock: clocktesting.NewFakeClock(time.Now()), log: &strings.Builder{}}
	f.write(t, text)
	guard, err := New(t.Context(), Config{Auth: AuthHtpasswd, HtpasswdFile: f.path},
		Options{Clock: f.clock, Log: slog.New(slog.NewTextHandler(f.log, nil))})
	assert.NilError(t, err)
	t.Cleanup(guard.Close)
	f.guard = guard
	return f
}

// write puts another file into its place, as the kubelet and editors do.
func (f *userFile) write(t *testing.T, text string) {
	t.Helper()
	next := f.path + ".next"
	assert.NilError(t, os.WriteFile(next, []byte(text), 0o600))
	assert.NilError(t, os.Rename(next, f.path))
}

// login returns what is answered to a user's push.
func (f *userFile) login(t *testing.T, user, password string) (status int, body string) {
	t.Helper()
	req := httptest.NewRequest(http.MethodPut, "/v2/step/manifests/v1", nil)
	req.SetBasicAuth(user, password)
	rec := httptest.NewRecorder()
	f.guard.Handler(http.HandlerFunc(func(http.ResponseWriter, *http.Request) {})).ServeHTTP(rec, req)
	return rec.Code, rec.Body.String()
}

func (f *userFile) assertLogin(t *testing.T, user, password string, want int) {
	t.Helper()
	status, body := f.login(t, user, password)
	assert.Equal(t, status, want, body)
}

func TestUsersOfAFileMayDoEverythingWithTheirPasswordOnly(t *testing.T) {
	f := newUserFile(t, "alice:"+hashOf(t, "wonder")+"\nbob:"+hashOf(t, "builder"))
	for range 2 { // once asked of bcrypt, once remembered
		f.assertLogin(t, "alice", "wonder", http.StatusOK)
		f.assertLogin(t, "bob", "builder", http.StatusOK)
		f.assertLogin(t, "alice", "builder", http.StatusUnauthorized)
		f.assertLogin(t, "alice", "Wonder", http.StatusUnauthorized)
		f.assertLogin(t, "alicew", "onder", http.StatusUnauthorized)
		f.assertLogin(t, "mallory", "wonder", http.StatusUnauthorized)
		f.assertLogin(t, "mallory", "builder", http.StatusUnauthorized)
		f.assertLogin(t, "", "wonder", http.StatusUnauthorized)
	}
	_, body := f.login(t, "alice", "wrong")
	_, other := f.login(t, "mallory", "wrong")
	assert.Equal(t, body, other, "who is a user is not told")
	assert.Assert(t, strings.Contains(body, "there is no such user, or the password is another"), body)
}

func TestATokenIsNoUser(t *testing.T) {
	f := newUserFile(t, "alice:"+hashOf(t, "wonder"))
	req := httptest.NewRequest(http.MethodGet, "/v2/", nil)
	req.Header.Set("Authorization", "Bearer wonder")
	rec := httptest.NewRecorder()
	f.guard.Handler(http.NotFoundHandler()).ServeHTTP(rec, req)
	assert.Equal(t, rec.Code, http.StatusUnauthorized)
	assert.Equal(t, rec.Header().Get("WWW-Authenticate"), `Basic realm="oras registry"`)
}

func TestTheFileOfUsersIsReadAgainWhenItChanges(t *testing.T) {
	bob := "\nbob:" + hashOf(t, "builder")
	f := newUserFile(t, "alice:"+hashOf(t, "wonder")+bob)
	f.assertLogin(t, "alice", "wonder", http.StatusOK)
	f.assertLogin(t, "bob", "builder", http.StatusOK)
	f.assertLogin(t, "carol", "singer", http.StatusUnauthorized)

	f.write(t, "alice:"+hashOf(t, "looking-glass")+"\ncarol:"+hashOf(t, "singer"))
	f.clock.Step(lookEvery)
	f.assertLogin(t, "alice", "wonder", http.StatusUnauthorized)
	f.assertLogin(t, "alice", "looking-glass", http.StatusOK)
	f.assertLogin(t, "bob", "builder", http.StatusUnauthorized)
	f.assertLogin(t, "carol", "singer", http.StatusOK)

	f.write(t, "")
	f.clock.Step(lookEvery)
	f.assertLogin(t, "alice", "looking-glass", http.StatusUnauthorized)
}

func TestABrokenFileOfUsersLeavesThoseThatWereThere(t *testing.T) {
	f := newUserFile(t, "alice:"+hashOf(t, "wonder"))
	tests := map[string]struct {
		spoil func(t *testing.T)
		want  string
	}{
		"a bad line": {func(t *testing.T) { f.write(t, "alice:"+hashOf(t, "other")+"\nbob:hunter2") }, "line 2: the password is not hashed with bcrypt"},
		"no file":    {func(t *testing.T) { assert.NilError(t, os.Remove(f.path)) }, "no such file"},
		"too large":  {func(t *testing.T) { f.write(t, strings.Repeat("#\n", 1<<20)) }, "larger than 1 MiB"},
	}
	for name, tc := range tests {
		t.Run(name, func(t *testing.T) {
			f.log.Reset()
			tc.spoil(t)
			for range 3 {
				f.clock.Step(lookEvery)
				f.assertLogin(t, "alice", "wonder", http.StatusOK)
				f.assertLogin(t, "bob", "hunter2", http.StatusUnauthorized)
			}
			assert.Equal(t, strings.Count(f.log.String(), "level=ERROR"), 1, "%s", f.log)
			assert.Assert(t, strings.Contains(f.log.String(), tc.want), "%s", f.log)
			assert.Assert(t, !strings.Contains(f.log.String(), "hunter2"))
		})
	}
	f.write(t, "bob:"+hashOf(t, "builder"))
	f.clock.Step(lookEvery)
	f.assertLogin(t, "alice", "wonder", http.StatusUnauthorized)
	f.assertLogin(t, "bob", "builder", http.StatusOK)
}

func TestAGuardIsNotMadeOfABrokenFile(t *testing.T) {
	path := filepath.Join(t.TempDir(), "users")
	_, err := New(t.Context(), Config{Auth: AuthHtpasswd, HtpasswdFile: path}, Options{})
	assert.ErrorIs(t, err, os.ErrNotExist)
	assert.NilError(t, os.WriteFile(path, []byte("alice:hunter2"), 0o600))
	_, err = New(t.Context(), Config{Auth: AuthHtpasswd, HtpasswdFile: path}, Options{})
	assert.ErrorContains(t, err, path+": line 1: ")
}

func TestAFloodOfWrongPasswordsDoesNotKeepOutWhoIsKnown(t *testing.T) {
	f := newUserFile(t, "alice:"+hashOf(t, "wonder"))
	f.assertLogin(t, "alice", "wonder", http.StatusOK)
	users := f.guard.door.(*users)
	for range cap(users.slots) {
		users.slots <- struct{}{} // bcrypt takes very long
	}
	var flood sync.WaitGroup
	for i := range maxWaiting {
		flood.Go(func() {
			status, _ := f.login(t, "alice", strconv.Itoa(i))
			assert.Check(t, status == http.StatusUnauthorized)
		})
	}
	poll.WaitOn(t, func(poll.LogT) poll.Result {
		if waiting := users.waiting.Load(); waiting < maxWaiting {
			return poll.Continue("%d are waiting", waiting)
		}
		return poll.Success()
	}, poll.WithTimeout(time.Minute))

	f.assertLogin(t, "alice", "wonder", http.StatusOK)
	status, body := f.login(t, "alice", "one more")
	assert.Equal(t, status, http.StatusTooManyRequests)
	assert.Assert(t, strings.Contains(body, "TOOMANYREQUESTS"), body)

	for range cap(users.slots) {
		<-users.slots
	}
	flood.Wait()
	f.assertLogin(t, "alice", "one more", http.StatusUnauthorized)
}
