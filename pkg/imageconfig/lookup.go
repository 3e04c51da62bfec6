package imageconfig

import (
	"cmp"
	"context"
	"fmt"
	"net/http"
	"slices"
	"time"
	"unsafe"

	"github.com/google/go-containerregistry/pkg/authn"
	v1 "github.com/google/go-containerregistry/pkg/v1"
	"golang.org/x/sync/semaphore"
	"golang.org/x/sync/singleflight"
	"k8s.io/apimachinery/pkg/util/cache"
)

// Command is what an image runs where a container does not say otherwise.
type Command struct {
	Entrypoint []string // ENTRYPOINT
	Cmd        []string // CMD, which the args of a container replace
}

// memory is what the command takes of it, in bytes.
func (c Command) memory() (bytes int) {
	for _, word := range slices.Concat(c.Entrypoint, c.Cmd) {
		bytes += len(word) + int(unsafe.Sizeof(word))
	}
	return bytes
}

const (
	// DefaultTimeout bounds one look-up: the API server gives a webhook 5 s for everything.
	DefaultTimeout = 3 * time.Second
	// fresh is how long a tag is taken to be what it was.
	fresh = time.Minute
	// kept is how long an unused answer about a digest, which does not change, is remembered.
	kept = 24 * time.Hour
	// entries is how many answers are kept.
	entries = 4096
	// maxRemembered is how much memory an answer may take to be kept, in bytes. All that are take 16 MiB at most.
	maxRemembered = 4 << 10
	// atOnce is how many look-ups go on at a time. Each takes some multiple of [maxBody], for a moment.
	atOnce = 8
	// maxName is how long the name of an image may be. None that follows the specification is longer.
	maxName = 1024
)

// Options are the settings of a [Lookup]. The zero value is for images that anybody may have named. The proxies of the
// environment are obeyed.
type Options struct {
	Timeout   time.Duration // of one look-up, the wait for another one of the same included; default: [DefaultTimeout]
	UserAgent string
	// AllowLoopback has registries on this machine asked too: for those who look up images of their own.
	AllowLoopback bool
}

// Lookup looks commands up. It may be used by several goroutines, and asks a registry once for what several want to know.
type Lookup struct {
	opts      Options
	transport http.RoundTripper
	tags      *cache.LRUExpireCache // digests, by question
	digests   *cache.LRUExpireCache // Commands, by repository, digest and architectures
	flights   singleflight.Group
	turns     *semaphore.Weighted
}

// New returns a Lookup that remembers nothing yet.
func New(opts Options) *Lookup {
	opts.Timeout = cmp.Or(opts.Timeout, DefaultTimeout)
	return &Lookup{
		opts:      opts,
		transport: newTransport(addresses{loopback: opts.AllowLoopback}, http.ProxyFromEnvironment),
		turns:     semaphore.NewWeighted(atOnce),
		tags:      cache.NewLRUExpireCache(entries),
		digests:   cache.NewLRUExpireCache(entries),
	}
}

// Command returns what an image runs on Linux, on each of the architectures that it is made for; of all of its own where
// none are given. An image is named as in a pod, and an architecture as Go does.
//
// Nobody learns by it of an image that the keychain does not open: what is remembered is given to those only who have
// asked the registry for its digest with the same credentials, a minute ago at most.
func (l *Lookup) Command(ctx context.Context, image string, architectures []string, keys authn.Keychain) (Command, error) {
	ctx, cancel := context.WithTimeout(ctx, l.opts.Timeout)
	defer cancel()
	q, err := newQuestion(ctx, image, architectures, keys)
	if err != nil {
		return Command{}, err
	}
	answer := l.flights.DoChan(q.key, func() (any, error) {
		ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), l.opts.Timeout) // others may wait for it
		defer cancel()
		return l.ask(ctx, q)
	})
	select {
	case got := <-answer:
		if got.Err != nil {
			return Command{}, fmt.Errorf("looking up image %s: %w", image, explain(got.Err))
		}
		return got.Val.(Command), nil
	case <-ctx.Done():
		return Command{}, fmt.Errorf("looking up image %s: %w", image, explain(ctx.Err()))
	}
}

func (l *Lookup) ask(ctx context.Context, q question) (Command, error) {
	digest, seen := l.resolved(q)
	if command, ok := l.remembered(q, digest); seen && ok {
		return command, nil
	}
	if err := l.turn(ctx); err != nil {
		return Command{}, err
	}
	defer l.turns.Release(1)
	repo, err := l.open(ctx, q)
	if err != nil {
		return Command{}, err
	}
	if !seen {
		if digest, err = repo.resolve(ctx, q.ref); err != nil {
			return Command{}, err
		}
		l.tags.Add(q.key, digest, fresh)
		if command, ok := l.remembered(q, digest); ok {
			return command, nil
		}
	}
	command, err := repo.commandOf(ctx, digest, q.architectures)
	if err != nil {
		return Command{}, err
	}
	if command.memory() <= maxRemembered {
		l.digests.Add(q.about(digest), command, kept)
	}
	return command, nil
}

// turn waits until few enough others are at it, but not for so long that there would be no time left.
func (l *Lookup) turn(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, l.opts.Timeout*2/3)
	defer cancel()
	if err := l.turns.Acquire(ctx, 1); err != nil {
		return faulty(ErrBusy, "none of %d was done in time", atOnce)
	}
	return nil
}

// remembered is what is known about a digest.
func (l *Lookup) remembered(q question, digest v1.Hash) (Command, bool) {
	known, ok := l.digests.Get(q.about(digest))
	if !ok {
		return Command{}, false
	}
	return known.(Command), true
}

// resolved is the digest of what is asked about, if that was asked by the same just now.
func (l *Lookup) resolved(q question) (v1.Hash, bool) {
	known, ok := l.tags.Get(q.key)
	if !ok {
		return v1.Hash{}, false
	}
	return known.(v1.Hash), true
}
