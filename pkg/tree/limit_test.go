package tree

import (
	"testing"

	"gotest.tools/v3/assert"
	"gotest.tools/v3/fs"
)

func TestListStopsAtItsLimit(t *testing.T) {
	dir := fs.NewDir(t, "tree", fs.WithFile("a", ""), fs.WithDir("b", fs.WithFile("c", "")))
	_, err := Place{Path: dir.Path()}.list(3)
	assert.NilError(t, err)
	_, err = Place{Path: dir.Path()}.list(2)
	assert.ErrorIs(t, err, ErrTooMany)
}

func TestStagingNames(t *testing.T) {
	assert.Assert(t, isStaging(".oras-staging-0123456789abcdef"))
	for _, p := range []Path{".oras-staging-", ".oras-staging-0123456789abcdeg", "d/.oras-staging-0123456789abcdef",
		".oras-staging-0123456789abcdef0", "oras-staging-0123456789abcdef"} {
		assert.Assert(t, !isStaging(p), p)
	}
}
