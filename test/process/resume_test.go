package process

import (
	"encoding/binary"
	"math/rand/v2"
	"os"
	"path/filepath"
	"testing"
	"time"

	"gotest.tools/v3/assert"

	"github.com/converged-computing/oras-operator/pkg/transfer"
	"github.com/converged-computing/oras-operator/pkg/tree"
)

const (
	resumedSize = 2 << 30  // bytes of the one file that is moved
	kills       = 5        // of the registry, in each direction
	partSize    = 64 << 20 // what a push may send again after each
	segmentSize = 12 << 20 // what a pull may fetch again after each
)

// The registry is killed at random moments while 2 GiB are pushed, and while they are pulled.
func TestE79OfTwoGigabytesNothingIsMovedAgainButWhatWasOnItsWay(t *testing.T) {
	seed := uint64(time.Now().UnixNano())
	t.Logf("seed %d", seed)
	r := rand.New(rand.NewPCG(seed, 0))
	server, address := startRegistry(t)
	repo, err := transfer.Registry{Host: address, PlainHTTP: true}.Repository("large")
	assert.NilError(t, err)
	retry := transfer.Retry{First: 20 * time.Millisecond, Longest: 200 * time.Millisecond}
	from, into := t.TempDir(), t.TempDir()
	writeLarge(t, filepath.Join(from, "large"))

	var pushed, pulled transfer.Counters
	over := make(chan struct{})
	go func() {
		defer close(over)
		_, err := transfer.Push(t.Context(), repo, "v1", transfer.Directory(from), transfer.PushOptions{Retry: retry, Counters: &pushed})
		assert.Check(t, err)
	}()
	server = killWhile(t, server, address, r, &pushed, over)
	assert.Assert(t, pushed.Wire.Load() <= resumedSize+kills*partSize, "%d bytes were sent", pushed.Wire.Load())

	over = make(chan struct{})
	go func() {
		defer close(over)
		sink, err := transfer.IntoDirectory(into, tree.WriterOptions{})
		assert.Check(t, err)
		_, err = transfer.Pull(t.Context(), repo, "v1", sink, transfer.PullOptions{Retry: retry, Counters: &pulled})
		assert.Check(t, err)
	}()
	killWhile(t, server, address, r, &pulled, over)
	assert.Assert(t, pulled.Wire.Load() <= resumedSize+kills*segmentSize, "%d bytes were fetched", pulled.Wire.Load())
	t.Logf("%d bytes were sent and %d fetched, of %d", pushed.Wire.Load(), pulled.Wire.Load(), resumedSize)
}

// killWhile kills the registry and starts it again, each time after a random share of the bytes, until all is over. It
// returns the last one.
func killWhile(t *testing.T, server *process, address string, r *rand.Rand, c *transfer.Counters, over <-chan struct{}) *process {
	t.Helper()
	const share = resumedSize / (kills + 1)
	killed := 0
	for next := r.Int64N(share); ; {
		select {
		case <-over:
			assert.Equal(t, killed, kills)
			return server
		case <-time.After(time.Millisecond):
		}
		if killed < kills && c.Wire.Load() > next {
			server.kill(t)
			server = startRegistryAt(t, address, server.dir)
			killed++
			next += share/2 + r.Int64N(share)
			next = min(next, resumedSize-share/2*int64(kills-killed)-share/4)
		}
	}
}

// writeLarge makes a file that takes little disk, and no two megabytes of which are alike.
func writeLarge(t *testing.T, path string) {
	t.Helper()
	f, err := os.Create(path)
	assert.NilError(t, err)
	for at := int64(0); at < resumedSize; at += 1 << 20 {
		_, err := f.WriteAt(binary.BigEndian.AppendUint64(nil, uint64(at)+1), at+at>>11)
		assert.NilError(t, err)
	}
	assert.NilError(t, f.Truncate(resumedSize))
	assert.NilError(t, f.Close())
}
