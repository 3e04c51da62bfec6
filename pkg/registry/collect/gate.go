package collect

import (
	"context"
	"maps"
	"sync"
	"time"

	storagedriver "github.com/distribution/distribution/v3/registry/storage/driver"
	"github.com/opencontainers/go-digest"

	"github.com/converged-computing/oras-operator/pkg/registry/layout"
)

// Patience is how long a request waits for what is being removed, and a round for the requests that began before.
const Patience = time.Minute

// Gate keeps requests away from what is being removed. It knows what is quarantined, and is passed by who makes use of a node.
//
// What happens in its own process it knows exactly: a request is counted from when it has seen that its nodes are not condemned until it
// is answered, and seeing and counting is one step.
//
// Of collectors in other processes it knows the records, and it may know them late. The collector waits for [Options.Settle] after it
// wrote whom it condemns, and looks only then. A request has until three quarters of that time after the reading of the record
// began on which it relies; if it ends later, it is not acknowledged, or looked at anew before it is. So who did not see the record
// read it before it was written, and ends before the look. That holds however the clocks of two machines differ, as long
// as they run equally fast, and makes it safe to rely on a record that was read a quarter of that time ago.
// It needs a storage that answers a read with what was written before, as S3 does and a directory on one machine; NFS with its cache of attributes does not.
//
// That something is quarantined may be noticed late without harm: a client that was told that a blob is there has that much less of the grace period.
type Gate struct {
	store  *store
	shared bool
	settle time.Duration
	fresh  time.Duration // how old a record may be, where shared

	reading sync.Mutex // held while a record is read, so that others wait for what it says

	mu        sync.Mutex
	records   *records // as read last, or as this process's collector wrote them; nil at first
	condemned listed   // by the collector of this process
	users     map[node]int
	wild      int           // users of something whose node is not known
	changed   chan struct{} // closed and replaced when somebody may go on
}

// records are the two records, as they were at a time.
type records struct {
	quarantine, condemned listed
	at                    time.Time
}

// use is what a request makes use of.
type use struct {
	nodes []node
	wild  bool // also of something whose node is not known: that of a digest of another algorithm than the blob store's
}

// of adds the node that of makes of a digest.
func (u *use) of(d digest.Digest, of func(digest.Digest) node) {
	if !canonical(d) {
		u.wild = true
		return
	}
	u.nodes = append(u.nodes, of(d))
}

// touches tells whether one of nodes is made use of, or may be.
func (u *use) touches(nodes listed) bool {
	if len(nodes) == 0 {
		return false
	}
	for _, n := range u.nodes {
		if _, ok := nodes[n]; ok {
			return true
		}
	}
	return u.wild
}

// enter waits until nothing that u makes use of is condemned, and counts it as in use until leave is called. Where the storage is shared,
// the user has until the deadline; else that is zero. The error is [ErrBusy], that of ctx, or one of the storage.
func (g *Gate) enter(ctx context.Context, u *use) (leave func(), deadline time.Time, err error) {
	patience := time.NewTimer(Patience)
	defer patience.Stop()
	age := g.fresh
	for {
		seen, err := g.read(ctx, age)
		if err != nil {
			return nil, time.Time{}, err
		}
		wait := g.count(u, seen)
		if wait == nil {
			if g.shared {
				deadline = seen.at.Add(g.settle * 3 / 4)
			}
			return func() { g.leave(u) }, deadline, nil
		}
		var again <-chan time.Time // the record of another process does not say when it changes
		if g.shared {
			again = time.After(min(g.fresh, time.Second))
			age = 0
		}
		select {
		case <-wait:
		case <-again:
		case <-patience.C:
			return nil, time.Time{}, ErrBusy
		case <-ctx.Done():
			return nil, time.Time{}, ctx.Err()
		}
	}
}

// count counts u, or returns what to wait for.
func (g *Gate) count(u *use, seen records) (wait <-chan struct{}) {
	g.mu.Lock()
	defer g.mu.Unlock()
	if u.touches(g.condemned) || g.shared && u.touches(seen.condemned) {
		return g.changed
	}
	for _, n := range u.nodes {
		g.users[n]++
	}
	if u.wild {
		g.wild++
	}
	return nil
}

func (g *Gate) leave(u *use) {
	g.mu.Lock()
	defer g.mu.Unlock()
	for _, n := range u.nodes {
		if g.users[n]--; g.users[n] == 0 {
			delete(g.users, n)
		}
	}
	if u.wild {
		g.wild--
	}
	if len(g.condemned) > 0 {
		g.wake()
	}
}

// wake lets all who wait look again. g.mu is held.
func (g *Gate) wake() {
	close(g.changed)
	g.changed = make(chan struct{})
}

// condemn makes everybody who comes from now on wait for nodes. With none, it lets them go on.
func (g *Gate) condemn(nodes listed) {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.condemned = nodes
	g.wake()
}

// quarantined says what is quarantined from now on, in this process.
func (g *Gate) quarantined(nodes listed) {
	g.reading.Lock() // no reading that began before may overwrite it
	defer g.reading.Unlock()
	g.mu.Lock()
	defer g.mu.Unlock()
	g.records = &records{quarantine: maps.Clone(nodes)} // a reading of no time: where shared, it is read again
}

// forgetOthers makes the next request read the records, where they may be other processes'.
func (g *Gate) forgetOthers() {
	if !g.shared {
		return
	}
	g.reading.Lock() // no reading that began before may bring them back
	defer g.reading.Unlock()
	g.mu.Lock()
	defer g.mu.Unlock()
	g.records = nil
}

// left returns what the collector of this process condemned and has not pardoned.
func (g *Gate) left() listed {
	g.mu.Lock()
	defer g.mu.Unlock()
	return g.condemned
}

// settled waits until nobody of this process makes use of what is condemned. It is an error if that takes longer than [Patience].
func (g *Gate) settled(ctx context.Context) error {
	patience := time.NewTimer(Patience)
	defer patience.Stop()
	for {
		wait := g.unsettled()
		if wait == nil {
			return nil
		}
		select {
		case <-wait:
		case <-patience.C:
			return errStuck
		case <-ctx.Done():
			return ctx.Err()
		}
	}
}

// unsettled returns what to wait for, or nil if nobody makes use of what is condemned.
func (g *Gate) unsettled() <-chan struct{} {
	g.mu.Lock()
	defer g.mu.Unlock()
	if g.wild > 0 {
		return g.changed
	}
	for n := range g.users {
		if _, ok := g.condemned[n]; ok {
			return g.changed
		}
	}
	return nil
}

// read returns the records. Where the storage is shared, they are at most age old; else they are those of this process, and read
// once. Nobody goes on where it is not known who is condemned.
func (g *Gate) read(ctx context.Context, age time.Duration) (records, error) {
	if r, ok := g.known(age); ok {
		return r, nil
	}
	g.reading.Lock()
	defer g.reading.Unlock()
	if r, ok := g.known(age); ok && age > 0 {
		return r, nil
	}
	r := records{at: time.Now()}
	var err error
	if r.quarantine, err = g.store.quarantine(ctx); err != nil {
		return records{}, err
	}
	if g.shared {
		if r.condemned, err = g.store.load(ctx, condemnedRecord); err != nil {
			return records{}, err
		}
	}
	g.mu.Lock()
	defer g.mu.Unlock()
	g.records = &r
	return r, nil
}

// known returns the records without reading them, if it may.
func (g *Gate) known(age time.Duration) (records, bool) {
	g.mu.Lock()
	defer g.mu.Unlock()
	if g.records == nil || g.shared && time.Since(g.records.at) > age {
		return records{}, false
	}
	return *g.records, true
}

// hidden tells whether a repository's blob is hidden: it is quarantined, and the repository's link to it is not younger than that.
func (g *Gate) hidden(ctx context.Context, repository string, d digest.Digest) (bool, error) {
	seen, err := g.read(ctx, g.fresh)
	if err != nil || len(seen.quarantine) == 0 {
		return false, err
	}
	if !canonical(d) {
		named, err := g.store.driver.GetContent(ctx, layout.Layer(repository, d))
		if err != nil {
			return false, ignoreMissing(err) // without a link it is not there, as the registry will say
		}
		d = digest.Digest(named)
	}
	since, ok := seen.quarantine[blobNode(d)]
	if !ok {
		return false, nil
	}
	return hiddenSince(ctx, g.store.driver, repository, d, since)
}

func hiddenSince(ctx context.Context, driver storagedriver.StorageDriver, repository string, d digest.Digest, since time.Time) (bool, error) {
	info, err := driver.Stat(ctx, layout.Layer(repository, d))
	if err != nil {
		return missing(err), ignoreMissing(err)
	}
	return info.ModTime().Before(since), nil
}
