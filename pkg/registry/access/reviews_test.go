package access_test

import (
	"fmt"
	"net/http"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"gotest.tools/v3/assert"
	"gotest.tools/v3/poll"
	authorizationv1 "k8s.io/api/authorization/v1"

	"github.com/converged-computing/oras-operator/pkg/registry/access"
	"github.com/converged-computing/oras-operator/test/apiserver"
)

func TestRBACIsAskedAboutTheUserThatTheAPIServerWouldSee(t *testing.T) {
	c := newCluster(t, ecKey(t, "k1"))
	guard := c.guard(t, access.Options{})
	assert.Equal(t, ask(t, guard, push, "Bearer "+c.token(t, nil)).status, http.StatusOK)
	asked := c.Reviews()
	assert.Equal(t, len(asked), 1)
	assert.Equal(t, asked[0].Namespace, "alpha")
	assert.DeepEqual(t, asked[0].Spec, authorizationv1.SubjectAccessReviewSpec{
		User:   account,
		UID:    "sa-uid",
		Groups: []string{"system:serviceaccounts", "system:serviceaccounts:alpha", "system:authenticated"},
		Extra: map[string]authorizationv1.ExtraValue{
			"authentication.kubernetes.io/credential-id": {"JTI=4b0b6ab9-0e5d-4b7a-93b8-fb1d3e3b0f57"},
			"authentication.kubernetes.io/node-name":     {"node-1"},
			"authentication.kubernetes.io/node-uid":      {"node-uid"},
			"authentication.kubernetes.io/pod-name":      {"step-x7"},
			"authentication.kubernetes.io/pod-uid":       {"pod-uid"},
		},
		ResourceAttributes: &authorizationv1.ResourceAttributes{
			Namespace: "alpha", Name: "oras", Verb: "push",
			Group: "cache.converged-computing.github.io", Version: "v1alpha1", Resource: "orascaches",
		},
	})
}

func TestOnlyWhatRBACAllowsIsDone(t *testing.T) {
	needed := map[string][]access.Right{
		"login": nil, "pull": {access.Pull}, "look": {access.Pull}, "catalog": {access.Pull},
		"push": {access.Push}, "mount": {access.Pull, access.Push}, "delete": {access.Delete},
	}
	all := []access.Right{access.Pull, access.Push, access.Delete}
	for subset := range 1 << len(all) {
		var given []access.Right
		for i, right := range all {
			if subset&(1<<i) != 0 {
				given = append(given, right)
			}
		}
		c := newCluster(t, ecKey(t, "k1"))
		c.Change(func(s *apiserver.State) { s.Rights[account] = given })
		guard := c.guard(t, access.Options{})
		for name, op := range operations() {
			t.Run(fmt.Sprint(given, name), func(t *testing.T) {
				got := ask(t, guard, op, "Bearer "+c.token(t, nil))
				lacks := slices.ContainsFunc(needed[name], func(right access.Right) bool { return !slices.Contains(given, right) })
				if !lacks {
					assert.Equal(t, got.status, http.StatusOK, got.message)
					return
				}
				assert.Equal(t, got.status, http.StatusForbidden)
				assert.Assert(t, got.passed == nil)
				assert.Equal(t, got.header.Get("WWW-Authenticate"), "", "other credentials are not what is missing")
				if op.method != http.MethodHead {
					assert.Equal(t, got.code, "DENIED")
				}
			})
		}
	}
}

func TestARefusalNamesTheMissingRightAndHowToGiveIt(t *testing.T) {
	c := newCluster(t, ecKey(t, "k1"))
	c.Change(func(s *apiserver.State) { s.Rights[account] = []access.Right{access.Pull} })
	guard := c.guard(t, access.Options{})
	got := ask(t, guard, push, "Bearer "+c.token(t, nil))
	assert.Equal(t, got.message, "system:serviceaccount:alpha:step may not push orascaches/oras in the namespace alpha; to allow it: "+
		"kubectl create role oras-push -n alpha --verb=push --resource=orascaches.cache.converged-computing.github.io --resource-name=oras; "+
		"kubectl create rolebinding oras-push -n alpha --role=oras-push --serviceaccount=alpha:step")
	got = ask(t, guard, operation{http.MethodHead, remove.path}, "Bearer "+c.token(t, nil))
	assert.Equal(t, got.status, http.StatusOK)
	c.Change(func(s *apiserver.State) { s.Rights[account] = nil })
	c.clock.Step(10 * time.Second)
	got = ask(t, guard, look, "Bearer "+c.token(t, nil))
	assert.Assert(t, strings.Contains(got.header.Get("Warning"), "may not pull orascaches/oras"), "HEAD has no body")
}

func TestE86ARightThatIsTakenAwayIsGoneWithinTenSeconds(t *testing.T) {
	for name, op := range operations() {
		if name == "login" {
			continue // needs no right
		}
		t.Run(name, func(t *testing.T) {
			c := newCluster(t, ecKey(t, "k1"))
			guard := c.guard(t, access.Options{})
			token := "Bearer " + c.token(t, nil)
			assert.Equal(t, ask(t, guard, op, token).status, http.StatusOK)
			c.Change(func(s *apiserver.State) { s.Rights[account] = nil })
			asked := len(c.Reviews())
			c.clock.Step(10*time.Second - 1)
			assert.Equal(t, ask(t, guard, op, token).status, http.StatusOK)
			assert.Equal(t, len(c.Reviews()), asked, "the answer is remembered")
			c.clock.Step(1)
			assert.Equal(t, ask(t, guard, op, token).status, http.StatusForbidden)
		})
	}
}

func TestARightThatIsGivenIsThereWithinTwoSeconds(t *testing.T) {
	c := newCluster(t, ecKey(t, "k1"))
	c.Change(func(s *apiserver.State) { s.Rights[account] = nil })
	guard := c.guard(t, access.Options{})
	token := "Bearer " + c.token(t, nil)
	assert.Equal(t, ask(t, guard, pull, token).status, http.StatusForbidden)
	c.Change(func(s *apiserver.State) { s.Rights[account] = []access.Right{access.Pull} })
	c.clock.Step(2*time.Second - 1)
	assert.Equal(t, ask(t, guard, pull, token).status, http.StatusForbidden)
	assert.Equal(t, len(c.Reviews()), 1)
	c.clock.Step(1)
	assert.Equal(t, ask(t, guard, pull, token).status, http.StatusOK)
}

func TestWhileTheAPIServerIsDownOldAnswersAreGoodForFiveMinutes(t *testing.T) {
	c := newCluster(t, ecKey(t, "k1"))
	c.Change(func(s *apiserver.State) { s.Rights[account] = []access.Right{access.Pull} })
	var reasons []string
	guard := c.guard(t, access.Options{Decided: func(_ *http.Request, d access.Decision) { reasons = append(reasons, d.Reason) }})
	token := "Bearer " + c.token(t, nil)
	assert.Equal(t, ask(t, guard, pull, token).status, http.StatusOK)
	assert.Equal(t, ask(t, guard, push, token).status, http.StatusForbidden)
	c.Change(func(s *apiserver.State) { s.Down = true })

	c.clock.Step(time.Minute)
	assert.Equal(t, ask(t, guard, pull, token).status, http.StatusOK)
	assert.Equal(t, ask(t, guard, push, token).status, http.StatusForbidden, "a refusal is an answer, too")
	got := ask(t, guard, remove, token)
	assert.Equal(t, got.status, http.StatusServiceUnavailable, "there is no answer about this right")
	assert.Equal(t, got.code, "UNAVAILABLE")
	assert.Equal(t, got.header.Get("Retry-After"), "5")
	assert.Equal(t, got.message, "the API server cannot be asked at the moment whether system:serviceaccount:alpha:step may delete")

	c.clock.Step(4*time.Minute - 1)
	assert.Equal(t, ask(t, guard, pull, token).status, http.StatusOK)
	c.clock.Step(1)
	assert.Equal(t, ask(t, guard, pull, token).status, http.StatusServiceUnavailable)
	c.Change(func(s *apiserver.State) { s.Down = false })
	assert.Equal(t, ask(t, guard, pull, token).status, http.StatusOK)
	assert.DeepEqual(t, reasons, []string{"ok", "right", "stale", "right", "unavailable", "stale", "unavailable", "ok"})
}

func TestWhoHasAnOldAnswerDoesNotAskAnAPIServerThatWasDownJustNow(t *testing.T) {
	c := newCluster(t, ecKey(t, "k1"))
	guard := c.guard(t, access.Options{})
	token := "Bearer " + c.token(t, nil)
	assert.Equal(t, ask(t, guard, pull, token).status, http.StatusOK)
	c.Change(func(s *apiserver.State) { s.Down = true })
	c.clock.Step(time.Minute)
	assert.Equal(t, ask(t, guard, pull, token).status, http.StatusOK)
	c.Change(func(s *apiserver.State) { s.Down, s.Rights[account] = false, nil })
	c.clock.Step(5*time.Second - 1)
	assert.Equal(t, ask(t, guard, pull, token).status, http.StatusOK)
	c.clock.Step(1)
	assert.Equal(t, ask(t, guard, pull, token).status, http.StatusForbidden)
}

func TestManyRequestsAtOnceAskOnce(t *testing.T) {
	c := newCluster(t, ecKey(t, "k1"))
	guard := c.guard(t, access.Options{})
	token := "Bearer " + c.token(t, nil)
	hold := make(chan struct{})
	c.Change(func(s *apiserver.State) { s.Hold = hold })
	var all sync.WaitGroup
	for range 50 {
		all.Go(func() { assert.Check(t, ask(t, guard, pull, token).status == http.StatusOK) })
	}
	poll.WaitOn(t, func(poll.LogT) poll.Result {
		if len(c.Reviews()) == 0 {
			return poll.Continue("nobody has asked yet")
		}
		return poll.Success()
	})
	close(hold)
	all.Wait()
	assert.Equal(t, len(c.Reviews()), 1)
}

func TestOnesRightsAreNotAnothers(t *testing.T) {
	c := newCluster(t, ecKey(t, "k1"))
	guard := c.guard(t, access.Options{})
	assert.Equal(t, ask(t, guard, pull, "Bearer "+c.token(t, nil)).status, http.StatusOK)
	other := c.token(t, func(said map[string]any) {
		said["sub"] = "system:serviceaccount:alpha:guest"
		said["kubernetes.io"] = map[string]any{"namespace": "alpha", "serviceaccount": map[string]any{"name": "guest", "uid": "g"}}
	})
	got := ask(t, guard, pull, "Bearer "+other)
	assert.Equal(t, got.status, http.StatusForbidden)
	assert.Assert(t, strings.HasPrefix(got.message, "system:serviceaccount:alpha:guest may not pull"), got.message)
}
