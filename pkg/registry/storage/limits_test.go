package storage_test

import (
	"fmt"
	"testing"

	"gotest.tools/v3/assert"

	"github.com/converged-computing/oras-operator/pkg/registry/storage"
)

func TestAnObjectIsCopiedInPiecesThatS3Takes(t *testing.T) {
	const mi, gi, ti = int64(1) << 20, int64(1) << 30, int64(1) << 40
	for _, tt := range []struct {
		size   int64
		pieces int
	}{
		{1, 1},
		{128 * mi, 1},
		{128*mi + 1, 2},
		{gi, 8},
		{125 * gi, 1000},
		{ti, 1000},
		{5 * ti, 1024},
	} {
		t.Run(fmt.Sprint(tt.size), func(t *testing.T) {
			ends := storage.PieceEnds(tt.size)
			assert.Equal(t, len(ends), tt.pieces)
			from := int64(0)
			for _, end := range ends {
				size := end - from
				assert.Assert(t, size <= 5*gi && (size >= 5*mi || len(ends) == 1), "%d", size)
				from = end
			}
			assert.Equal(t, from, tt.size)
		})
	}
}
