package handoff

import (
	"context"
	"testing"
	"time"

	"gotest.tools/v3/assert"
)

// E2: there is no inotify instance to be had.
func TestE2WithoutInotifyARecordIsLookedForAgain(t *testing.T) {
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	looks := 0
	err := new(notifier).watch(ctx, Dir(t.TempDir()), "ready", func() (bool, error) {
		looks++
		return looks > 1, nil
	})
	assert.NilError(t, err)
}
