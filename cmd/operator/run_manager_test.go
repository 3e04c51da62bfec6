package main

import (
	"testing"

	"gotest.tools/v3/assert"
	"gotest.tools/v3/assert/cmp"
)

func TestTheManagerCachesOnlyWhatIsItsOwn(t *testing.T) {
	all := watched()
	assert.Assert(t, cmp.Len(all, 4))
	for obj, limits := range all {
		assert.Assert(t, limits.Label != nil && !limits.Label.Empty(), "every %T of the cluster would be cached", obj)
	}
}
