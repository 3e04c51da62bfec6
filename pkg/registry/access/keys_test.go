package access_test

import (
	"net/http"
	"testing"
	"time"

	"gotest.tools/v3/assert"
	"gotest.tools/v3/poll"

	"github.com/converged-computing/oras-operator/pkg/registry/access"
	"github.com/converged-computing/oras-operator/test/apiserver"
)

// becomes waits until a pull with that token is answered with that status, without time passing for the guard.
func becomes(t *testing.T, guard *access.Guard, token string, status int) {
	t.Helper()
	poll.WaitOn(t, func(poll.LogT) poll.Result {
		if got := ask(t, guard, pull, token); got.status != status {
			return poll.Continue("it is %d %s", got.status, got.message)
		}
		return poll.Success()
	}, poll.WithTimeout(time.Minute), poll.WithDelay(10*time.Millisecond))
}

func TestE86ANewKeyIsFetchedWhenATokenNamesIt(t *testing.T) {
	c := newCluster(t, rsaKey(t, "k1"))
	guard := c.guard(t, access.Options{})
	next := ecKey(t, "k2")
	c.Change(func(s *apiserver.State) { s.Keys = append(s.Keys, next) })
	token := "Bearer " + sign(t, next, c.claims(nil))

	c.clock.Step(10*time.Second - 1)
	assert.Equal(t, ask(t, guard, pull, token).status, http.StatusUnauthorized)
	assert.Equal(t, c.Fetches(), 1, "the keys were fetched just now, at the start")
	c.clock.Step(1)
	assert.Equal(t, ask(t, guard, pull, token).status, http.StatusOK)
	assert.Equal(t, c.Fetches(), 2)
	assert.Equal(t, ask(t, guard, pull, "Bearer "+c.token(t, nil)).status, http.StatusOK, "the old key is still listed")
}

func TestUnknownKeysDoNotHaveTheKeysFetchedMoreThanOnceInTenSeconds(t *testing.T) {
	c := newCluster(t, rsaKey(t, "k1"))
	guard := c.guard(t, access.Options{})
	token := "Bearer " + sign(t, ecKey(t, "k9"), c.claims(nil))
	c.clock.Step(10 * time.Second)
	for range 20 {
		assert.Equal(t, ask(t, guard, pull, token).status, http.StatusUnauthorized)
	}
	assert.Equal(t, c.Fetches(), 2)
}

func TestE86TokensOfAKeyThatIsGivenUpAreRefusedAfterFiveMinutes(t *testing.T) {
	c := newCluster(t, rsaKey(t, "k1"))
	guard := c.guard(t, access.Options{})
	token := "Bearer " + c.token(t, nil)
	assert.Equal(t, ask(t, guard, pull, token).status, http.StatusOK)
	c.Change(func(s *apiserver.State) { s.Keys = []apiserver.Key{ecKey(t, "k2")} })
	assert.Equal(t, ask(t, guard, pull, token).status, http.StatusOK)
	poll.WaitOn(t, func(poll.LogT) poll.Result {
		if !c.clock.HasWaiters() {
			return poll.Continue("the next fetch is not planned yet")
		}
		return poll.Success()
	})
	c.clock.Step(5 * time.Minute)
	becomes(t, guard, token, http.StatusUnauthorized)
}

func TestKeysStayWhileTheAPIServerIsDown(t *testing.T) {
	c := newCluster(t, rsaKey(t, "k1"))
	guard := c.guard(t, access.Options{})
	c.Change(func(s *apiserver.State) { s.Down = true })
	c.clock.Step(10 * time.Second)
	unknown := "Bearer " + sign(t, ecKey(t, "k9"), c.claims(nil))
	assert.Equal(t, ask(t, guard, login, unknown).status, http.StatusUnauthorized)
	assert.Equal(t, ask(t, guard, login, "Bearer "+c.token(t, nil)).status, http.StatusOK)
}

func TestAnAPIServerThatIsDownAtTheStartIsWaitedFor(t *testing.T) {
	c := newCluster(t, rsaKey(t, "k1"))
	c.Change(func(s *apiserver.State) { s.Down = true })
	guard := c.guard(t, access.Options{})
	token := "Bearer " + c.token(t, nil)
	got := ask(t, guard, pull, token)
	assert.Equal(t, got.status, http.StatusServiceUnavailable)
	assert.Equal(t, got.message, "the cluster's keys cannot be had at the moment, by which tokens are checked")
	c.Change(func(s *apiserver.State) { s.Down = false })
	c.clock.Step(10 * time.Second)
	becomes(t, guard, token, http.StatusOK)
}
