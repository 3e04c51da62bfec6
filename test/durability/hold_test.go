package durability

import (
	"context"
	"math/rand/v2"
	"testing"
	"time"

	"gotest.tools/v3/assert"
)

// newSeed makes a seed, and logs it.
func newSeed(t *testing.T) uint64 {
	t.Helper()
	seed := rand.Uint64()
	t.Logf("seed %d", seed)
	return seed
}

// holds asserts that nothing that was promised is broken.
func holds(t *testing.T, load *Load) {
	t.Helper()
	for _, problem := range load.Verify(t.Context()) {
		t.Error(problem)
	}
	if t.Failed() {
		t.Fatal("a promise is broken")
	}
}

// litter asserts that nothing that was promised is broken, and lets a load go on until the storage has something that nobody keeps. It
// returns what is stored then. A machine that is busy with much else does so little in the time of a load that all of it may be kept.
func litter(t *testing.T, load *Load, read func() (Stored, error)) Stored {
	t.Helper()
	for {
		holds(t, load)
		stored, err := read()
		assert.NilError(t, err)
		excess, _ := Difference(stored.Blobs, load.Live())
		if excess > 0 {
			t.Logf("after the last push, %d blobs of %d bytes are stored, and %d bytes of them are not kept",
				len(stored.Blobs), Bytes(stored.Blobs), excess)
			return stored
		}
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		load.Run(ctx)
		cancel()
	}
}

// longest is how long a storage is waited for at most, however few rounds there were.
const longest = 10 * time.Minute

// manyRounds of the collection are enough to remove all that nothing keeps, once the grace periods have passed.
const manyRounds = 6

// returns waits until a storage holds what is kept and nothing else, and asserts that it holds at most 5 % more. It gives up when both
// the time has passed and there were enough rounds, which may take longer on a machine that is busy with much else.
func returns(t *testing.T, load *Load, within time.Duration, servers []*server, read func() (Stored, error)) Stored {
	t.Helper()
	before := collectedBy(servers).rounds
	for began := time.Now(); ; time.Sleep(time.Second) {
		took, rounds := time.Since(began), collectedBy(servers).rounds-before
		stored, err := read()
		assert.NilError(t, err)
		holds(t, load)
		live := load.Live()
		excess, missing := Difference(stored.Blobs, live)
		if excess > 0 && (took < within || rounds < manyRounds) && took < longest {
			continue
		}
		t.Logf("%s and %d rounds after the last push, %d blobs of %d bytes are stored, and %d of %d bytes are kept: %.2f %% too many",
			took.Round(time.Second), rounds, len(stored.Blobs), Bytes(stored.Blobs), len(live), Bytes(live), 100*float64(excess)/float64(Bytes(live)))
		assert.Assert(t, len(live) > 0)
		assert.Equal(t, missing, int64(0), "bytes that are missing")
		assert.Assert(t, excess*20 <= Bytes(live), "the storage has more than 5 %% that nobody keeps")
		return stored
	}
}
