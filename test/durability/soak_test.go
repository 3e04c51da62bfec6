package durability

import (
	"context"
	"os"
	"testing"
	"time"

	"gotest.tools/v3/assert"

	"github.com/converged-computing/oras-operator/pkg/registry/storage"
)

// soakEnv is how long each soak is, as a duration. Without it they are short.
const soakEnv = "SOAK_REGISTRY"

// soakLength is how long a soak is, and whether somebody asked for that.
func soakLength(t *testing.T, short time.Duration) (length time.Duration, long bool) {
	t.Helper()
	text := os.Getenv(soakEnv)
	if text == "" {
		return short, false
	}
	length, err := time.ParseDuration(text)
	assert.NilError(t, err)
	return length, true
}

func TestE82NothingIsLostAndTheStorageReturnsToWhatIsKept(t *testing.T) {
	t.Parallel()
	length, long := soakLength(t, 6*time.Second)
	grace, schedule := 2*time.Second, "@every 1s"
	if long {
		grace, schedule = 20*time.Second, "@every 10s"
	}
	root := t.TempDir()
	s := newServer(t, write(t, storage.Config{Root: root}, collectSection{Schedule: schedule, GracePeriod: grace.String(), Retention: Rules(grace)}))
	load := New(Options{URLs: func() []string { return []string{s.address()} }, Seed: newSeed(t), Grace: grace})
	ctx, cancel := context.WithTimeout(t.Context(), length)
	defer cancel()
	load.Run(ctx)
	read := func() (Stored, error) { return Directory(root) }
	litter(t, load, read)
	returns(t, load, 3*grace+30*time.Second, []*server{s}, read)
	s.stop()
	t.Logf("%s; rounds and what they removed: %+v", &load.Counts, s.collected())
	assert.Assert(t, s.collected().blobs > 0, "nothing was removed")
}
