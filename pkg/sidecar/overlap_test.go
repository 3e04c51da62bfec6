package sidecar

import (
	"testing"

	"gotest.tools/v3/assert"
)

func TestE75WhetherTwoInputsOverlap(t *testing.T) {
	for _, pair := range [][2]string{{"/a", "/a/"}, {"/a/b", "/a"}, {"/", "/a"}, {".", "a"}, {"a", "./a/b"}} {
		assert.Assert(t, overlap(pair[0], pair[1]) && overlap(pair[1], pair[0]), "%q", pair)
	}
	for _, pair := range [][2]string{{"/a", "/ab"}, {"/a/b", "/a/c"}, {"a", "/a"}, {".", "/a"}} {
		assert.Assert(t, !overlap(pair[0], pair[1]) && !overlap(pair[1], pair[0]), "%q", pair)
	}
}
