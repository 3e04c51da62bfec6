package main

import (
	"testing"

	"gotest.tools/v3/assert"
	"gotest.tools/v3/assert/cmp"
	corev1 "k8s.io/api/core/v1"
)

func TestTheManagerCachesOnlyWhatIsItsOwn(t *testing.T) {
	all := watched()
	assert.Assert(t, cmp.Len(all, 11))
	for obj, limits := range all {
		if _, node := obj.(*corev1.Node); node { // there is one of all of them for all
			assert.Assert(t, limits.Transform != nil)
			continue
		}
		assert.Assert(t, limits.Label != nil && !limits.Label.Empty(), "every %T of the cluster would be cached", obj)
	}
}
