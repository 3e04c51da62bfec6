package access

import (
	"context"
	"errors"
	"log/slog"
	"maps"
	"net/http"

	"k8s.io/client-go/rest"
	"k8s.io/utils/clock"
)

// Options are what a [Guard] needs besides its configuration.
type Options struct {
	// Kubernetes is how the API server is reached, for [AuthServiceAccount]. Default: as the ServiceAccount of the pod that
	// this runs in.
	Kubernetes *rest.Config
	// Log takes what happens to keys and files and that the API server cannot be asked. Default: nothing is logged.
	Log *slog.Logger
	// Clock tells the time. Default: the real one.
	Clock clock.Clock
	// Decided is called with each decision, before the request goes on or is refused; not with [AuthNone]. It may be called
	// by several goroutines at once. Default: nothing.
	Decided func(*http.Request, Decision)
}

// Decision is what was decided about one request.
type Decision struct {
	// Allowed is whether the request went on.
	Allowed bool
	// Reason is one word out of few, in lower case: "ok" or "stale" where it is allowed.
	Reason string
	// User is who sent the request. Empty where that could not be made sure of.
	User string
}

// user is who sent a request.
type user struct {
	name string
	account
}

// door is one way to find out who asks, and what they may. Its errors are refusals.
type door interface {
	// who returns whose credentials those are.
	who(context.Context, credentials) (*user, error)
	// may returns whether it was found out just now or some time ago that the user has the right; an error if not.
	may(context.Context, *user, Right) (stale bool, err error)
	// hint says in a few words which credentials are good here.
	hint() string
	// close ends what goes on besides requests.
	close()
}

// Guard decides about requests. [New] makes one.
type Guard struct {
	door    door // nil: everybody may do everything
	realm   string
	log     *slog.Logger
	decided func(*http.Request, Decision)
}

// New makes what guards a registry as cfg says. Its errors are those of [Config.Validate], of a file that cannot be used or of
// Kubernetes options that cannot. An API server that does not answer is no error: requests are answered 503 until it does.
// ctx bounds only the making; [Guard.Close] ends the guard.
func New(ctx context.Context, cfg Config, opts Options) (*Guard, error) {
	if err := cfg.Validate(); err != nil {
		return nil, err
	}
	if opts.Log == nil {
		opts.Log = slog.New(slog.DiscardHandler)
	}
	if opts.Clock == nil {
		opts.Clock = clock.RealClock{}
	}
	if opts.Decided == nil {
		opts.Decided = func(*http.Request, Decision) {}
	}
	guard := &Guard{log: opts.Log, decided: opts.Decided}
	var err error
	switch cfg.Auth {
	case AuthServiceAccount:
		var cache cacheName
		if cache, err = parseCache(cfg.Cache); err != nil {
			return nil, err
		}
		guard.realm = cache.audience()
		guard.door, err = newServiceAccounts(ctx, cache, opts)
	case AuthHtpasswd:
		guard.realm = "oras registry"
		guard.door, err = newUsers(cfg.HtpasswdFile, opts)
	}
	if err != nil {
		return nil, err
	}
	return guard, nil
}

// Close ends what the guard does besides looking at requests. Requests must not come any more.
func (g *Guard) Close() {
	if g.door != nil {
		g.door.close()
	}
}

// Handler lets the requests through to next that may be answered, without their credentials, and answers the others: 401 where
// it is not known who asks, 403 where they may not, 429 or 503 where that cannot be found out now.
func (g *Guard) Handler(next http.Handler) http.Handler {
	if g.door == nil {
		return next
	}
	return http.HandlerFunc(func(w http.ResponseWriter, req *http.Request) {
		decision, refused := g.decide(req)
		g.decided(req, decision)
		if refused != nil {
			refused.answer(w, req, g.realm)
			return
		}
		next.ServeHTTP(w, withoutCredentials(req))
	})
}

// decide returns what is decided about req, and what to answer where it is not let through.
func (g *Guard) decide(req *http.Request) (Decision, *refusal) {
	who, reason, err := g.admit(req)
	decision := Decision{Allowed: err == nil, Reason: reason}
	if who != nil {
		decision.User = who.name
	}
	if err == nil {
		return decision, nil
	}
	var refused *refusal
	if !errors.As(err, &refused) { // the caller has gone away
		refused = unavailable("it could not be found out in time whether this is allowed")
	}
	decision.Reason = refused.reason
	if refused.status == http.StatusUnauthorized {
		with := *refused
		with.message += ": " + g.door.hint()
		refused = &with
	}
	g.log.DebugContext(req.Context(), "A request is refused.", "method", req.Method, "path", req.URL.Path, "user", decision.User, "why", refused.message)
	return decision, refused
}

// admit returns who sent req, and an error unless they have every right that it needs.
func (g *Guard) admit(req *http.Request) (*user, string, error) {
	given, err := parseCredentials(req.Header)
	if err != nil {
		return nil, "", err
	}
	who, err := g.door.who(req.Context(), given)
	if err != nil {
		return nil, "", err
	}
	reason := reasonOK
	for _, right := range rightsOf(req) {
		stale, err := g.door.may(req.Context(), who, right)
		if err != nil {
			return who, "", err
		}
		if stale {
			reason = reasonStale
		}
	}
	return who, reason, nil
}

// withoutCredentials is req as what comes next may see it: who looks at no credentials cannot leak them.
func withoutCredentials(req *http.Request) *http.Request {
	bare := *req
	bare.Header = maps.Clone(req.Header)
	bare.Header.Del("Authorization")
	return &bare
}
