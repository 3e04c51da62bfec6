package access

import (
	"context"
	"fmt"
	"log/slog"
	"net/http"
	"sync/atomic"
	"time"

	"golang.org/x/sync/singleflight"
	authorizationv1 "k8s.io/api/authorization/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/util/cache"
	authorization "k8s.io/client-go/kubernetes/typed/authorization/v1"
	"k8s.io/utils/clock"
)

const (
	// allowedFor and refusedFor are how long an answer of the API server is used without asking again.
	allowedFor = 10 * time.Second
	refusedFor = 2 * time.Second
	// staleFor is how long an answer is used where the API server cannot be asked.
	staleFor = 5 * time.Minute
	// restFor is how long those who have an old answer make do with it after the API server could not be asked.
	restFor = 5 * time.Second
	// maxVerdicts is how many answers are remembered.
	maxVerdicts = 16384
	// maxAsked is how many questions to the API server are under way at most.
	maxAsked = 32
)

// verdict is what the API server said.
type verdict struct {
	allowed bool
	at      time.Time // when it was asked
}

// fresh is whether v need not be asked for again.
func (v *verdict) fresh(now time.Time) bool {
	if v.allowed {
		return now.Sub(v.at) < allowedFor
	}
	return now.Sub(v.at) < refusedFor
}

// usable is whether v is better than nothing.
func (v *verdict) usable(now time.Time) bool { return now.Sub(v.at) < staleFor }

// question is what is asked of the API server: everything that its answer may depend on.
type question struct {
	account hash
	right   Right
}

// reviews tells what ServiceAccounts may do with an OrasCache.
type reviews struct {
	of      authorizationv1.ResourceAttributes // without the verb
	api     authorization.LocalSubjectAccessReviewInterface
	clock   clock.Clock
	log     *slog.Logger
	life    context.Context       // ends with the guard: questions are shared, and outlive who asked first
	known   *cache.LRUExpireCache // *verdict by question
	flights singleflight.Group
	slots   chan struct{}
	rest    atomic.Pointer[time.Time] // until when old answers are not renewed
}

// may returns the last answer about that right. Its errors are refusals.
func (r *reviews) may(ctx context.Context, who *user, right Right) (stale bool, err error) {
	asked := question{account: who.key, right: right}
	known := r.lookup(asked)
	now := r.clock.Now()
	if known != nil && known.fresh(now) {
		return false, r.refusal(known, who, right)
	}
	if known != nil && known.usable(now) && r.resting(now) {
		return true, r.refusal(known, who, right)
	}
	found, err := r.ask(ctx, asked, who)
	if err == nil {
		return false, r.refusal(found, who, right)
	}
	if known != nil && known.usable(r.clock.Now()) {
		return true, r.refusal(known, who, right)
	}
	return false, unavailable("the API server cannot be asked at the moment whether " + who.name + " may " + string(right))
}

func (r *reviews) lookup(asked question) *verdict {
	known, _ := r.known.Get(asked)
	v, _ := known.(*verdict)
	return v
}

// resting is whether the API server could not be asked just now.
func (r *reviews) resting(now time.Time) bool {
	until := r.rest.Load()
	return until != nil && now.Before(*until)
}

// ask asks the API server, once for all who want to know the same, and remembers its answer.
func (r *reviews) ask(ctx context.Context, asked question, who *user) (*verdict, error) {
	done := r.flights.DoChan(string(asked.account[:])+string(asked.right), func() (any, error) {
		if known := r.lookup(asked); known != nil && known.fresh(r.clock.Now()) {
			return known, nil // another flight has landed between the look and this one
		}
		found, err := r.review(who, asked.right)
		if err != nil {
			if r.life.Err() == nil {
				r.log.Error("The API server cannot be asked who may use the registry.", "user", who.name, "right", asked.right, "error", err)
			}
			until := r.clock.Now().Add(restFor)
			r.rest.Store(&until)
			return nil, err
		}
		r.known.Add(asked, found, staleFor)
		return found, nil
	})
	select {
	case landed := <-done:
		if landed.Err != nil {
			return nil, landed.Err
		}
		return landed.Val.(*verdict), nil
	case <-ctx.Done():
		return nil, ctx.Err()
	}
}

// review is one request to the API server, bounded in time.
func (r *reviews) review(who *user, right Right) (*verdict, error) {
	ctx, stop := context.WithTimeout(r.life, askTimeout)
	defer stop()
	select {
	case r.slots <- struct{}{}:
		defer func() { <-r.slots }()
	case <-ctx.Done():
		return nil, fmt.Errorf("waiting for other questions to be answered: %w", ctx.Err())
	}
	of := r.of
	of.Verb = string(right)
	review := who.asked.DeepCopy()
	review.Spec.ResourceAttributes = &of
	at := r.clock.Now()
	answer, err := r.api.Create(ctx, review, metav1.CreateOptions{})
	if err != nil {
		return nil, err
	}
	return &verdict{allowed: answer.Status.Allowed, at: at}, nil
}

// refusal is what v means: nil, or who lacks which right, and how it is given.
func (r *reviews) refusal(v *verdict, who *user, right Right) error {
	if v.allowed {
		return nil
	}
	return &refusal{status: http.StatusForbidden, reason: reasonRight, message: forbidden(r.of, who.asked.Spec.User, right)}
}
