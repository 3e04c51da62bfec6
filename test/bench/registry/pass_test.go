package main

import (
	"errors"
	"os"
	"path/filepath"
	"sync/atomic"
	"testing"

	"gotest.tools/v3/assert"
)

func TestEachItemIsDoneOnce(t *testing.T) {
	var done [30]atomic.Int32
	assert.NilError(t, inParallel(t.Context(), 4, 10, 20, func(_, number int) error {
		done[number].Add(1)
		return nil
	}))
	for number := range done {
		want := int32(0)
		if number >= 10 {
			want = 1
		}
		assert.Equal(t, done[number].Load(), want, number)
	}
}

func TestAnItemThatFailsEndsAll(t *testing.T) {
	broken := errors.New("broken")
	var done atomic.Int32
	err := inParallel(t.Context(), 2, 0, 1_000_000_000, func(int, int) error {
		if done.Add(1) > 10 {
			return broken
		}
		return nil
	})
	assert.ErrorIs(t, err, broken)
}

func TestTheFloorWritesWhatAnItemDoes(t *testing.T) {
	dir := t.TempDir()
	for _, w := range workloads(t.TempDir(), 256) {
		if w.floor == nil {
			continue
		}
		to := filepath.Join(dir, w.key)
		assert.NilError(t, os.Mkdir(to, 0o755))
		assert.NilError(t, w.prepare(nil))
		for number := range 3 {
			assert.NilError(t, w.floor(to, number))
		}
		entries, err := os.ReadDir(to)
		assert.NilError(t, err)
		assert.Equal(t, len(entries), 3, w.key)
	}
}
