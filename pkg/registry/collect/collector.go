package collect

import (
	"context"
	"log/slog"
	"sync"
	"time"

	storagedriver "github.com/distribution/distribution/v3/registry/storage/driver"
)

// DefaultSettle is what [Options.Settle] is where it is not given.
const DefaultSettle = 40 * time.Second

// Options are what a [Collector] works with.
type Options struct {
	// Driver is the storage: the very one that the registry uses, or one of the same. Required.
	Driver storagedriver.StorageDriver
	// Config must be valid.
	Config Config
	// Shared says that other processes use the storage too.
	Shared bool
	// Settle is how long a collector waits for the requests of other processes. A manifest's PUT must end within half of it, or is
	// answered 503. All processes must have the same. Default: [DefaultSettle]. Without Shared it is not used.
	Settle time.Duration
	// Log gets a line for each round, and for what is odd. Default: none.
	Log *slog.Logger
	// Turn says when it is this process that collects. Default: always.
	Turn Turn
	// Uploads removes abandoned uploads; it is called at the beginning of each round, and each hour. Default: nothing is done.
	Uploads func(context.Context) error
	// Done gets the report of each round that ended well. Default: nothing is done.
	Done func(Report)
}

// Collector removes what is dead. Its methods may be called from several goroutines.
type Collector struct {
	opts   Options
	store  *store
	looker *looker
	gate   *Gate

	round sync.Mutex // held during a round

	mu   sync.Mutex
	last Report
}

// New makes a collector and its gate. It touches nothing yet.
func New(opts Options) *Collector {
	if opts.Log == nil {
		opts.Log = slog.New(slog.DiscardHandler)
	}
	if opts.Settle == 0 {
		opts.Settle = DefaultSettle
	}
	if opts.Turn == nil {
		opts.Turn = always{}
	}
	if opts.Uploads == nil {
		opts.Uploads = func(context.Context) error { return nil }
	}
	if opts.Done == nil {
		opts.Done = func(Report) {}
	}
	records := &store{driver: opts.Driver, log: opts.Log}
	return &Collector{
		opts:   opts,
		store:  records,
		looker: &looker{driver: opts.Driver, log: opts.Log},
		gate: &Gate{
			store:   records,
			shared:  opts.Shared,
			settle:  opts.Settle,
			fresh:   min(opts.Settle/4, opts.Config.grace()/8),
			users:   map[node]int{},
			changed: make(chan struct{}),
		},
	}
}

// Gate is what every request to the registry must go through, in every process that uses the storage.
func (c *Collector) Gate() *Gate { return c.gate }

// Last is the report of the last round that ended well; before that it is zero.
func (c *Collector) Last() Report {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.last
}
