package durability

import (
	"context"
	"fmt"
	"math/rand/v2"
	"net/http"
	"sync"
	"sync/atomic"
	"time"
)

// Options say what is loaded, and how.
type Options struct {
	// URLs returns the addresses of the replicas as they are now, such as http://127.0.0.1:5000. Required, and never empty.
	URLs func() []string
	// HTTP is the client, which knows of certificates and credentials. Default: one that knows of neither.
	HTTP *http.Client
	// Workers is how many push and delete at the same time. Default: 6.
	Workers int
	// Seed decides everything that is random, except which replica gets which request.
	Seed uint64
	// Grace is the grace period of the registry's garbage collection. Required.
	Grace time.Duration
}

// Load is what was pushed to a registry, and acknowledged. Its methods are called one after the other.
type Load struct {
	// Counts are what was done so far.
	Counts Counts

	opts    Options
	client  *client
	workers []*worker

	mu       sync.Mutex
	problems []string
}

// Counts are numbers of requests and what came of them.
type Counts struct {
	Pushes, Skips, Mounts, Uploads, Resumed, Abandoned, Deletions, Pulls, Refused, Doubts, Verified atomic.Int64
	// Dangling is how many tags are listed and name nothing, as of the last Verify. A deletion that broke off leaves them until they
	// are collected.
	Dangling atomic.Int64
}

// String says what was done.
func (c *Counts) String() string {
	return fmt.Sprintf("manifests pushed %d, blobs uploaded %d (resumed %d, abandoned %d), mounted %d, skipped %d, deletions %d, pulls %d, "+
		"pushes refused %d, answers that never came %d, manifests verified %d", c.Pushes.Load(), c.Uploads.Load(), c.Resumed.Load(), c.Abandoned.Load(),
		c.Mounts.Load(), c.Skips.Load(), c.Deletions.Load(), c.Pulls.Load(), c.Refused.Load(), c.Doubts.Load(), c.Verified.Load())
}

// New makes a load that has pushed nothing yet.
func New(opts Options) *Load {
	if opts.Workers == 0 {
		opts.Workers = 6
	}
	if opts.HTTP == nil {
		opts.HTTP = &http.Client{Transport: &http.Transport{MaxIdleConnsPerHost: 4 * opts.Workers}}
	}
	l := &Load{opts: opts}
	l.client = &client{http: opts.HTTP, urls: opts.URLs, odd: l.broken}
	shared := make([]blob, manyLayers)
	for i := range shared {
		shared[i] = newBlob(layer(opts.Seed, i))
	}
	for id := range opts.Workers {
		l.workers = append(l.workers, &worker{
			id: id, workers: opts.Workers, grace: opts.Grace, client: l.client, random: rand.New(rand.NewPCG(opts.Seed, uint64(1000+id))), layers: shared,
			counts: &l.Counts, broken: l.broken, repos: []*repository{newRepository(Kept, id), newRepository(Trimmed, id), newRepository(Fleeting, id)},
		})
	}
	return l
}

// Run pushes, mounts, moves and deletes until ctx ends, and returns once every request is answered or broke off.
func (l *Load) Run(ctx context.Context) {
	var all sync.WaitGroup
	for _, w := range l.workers {
		all.Go(func() {
			for ctx.Err() == nil {
				w.step(ctx)
			}
		})
	}
	all.Wait()
}

// maxProblems is how many broken promises are noted between two calls of Verify.
const maxProblems = 50

// broken notes a promise that does not hold.
func (l *Load) broken(format string, args ...any) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if len(l.problems) < maxProblems {
		l.problems = append(l.problems, time.Now().UTC().Format(time.RFC3339Nano)+" "+fmt.Sprintf(format, args...))
	}
}

// takeProblems returns what was noted, and forgets it.
func (l *Load) takeProblems() []string {
	l.mu.Lock()
	defer l.mu.Unlock()
	taken := l.problems
	l.problems = nil
	return taken
}
