package transfer

import (
	"io"
	"strings"
	"testing"

	"gotest.tools/v3/assert"
)

func TestAFileIsNotReadOnFromWhereNothingWasSent(t *testing.T) {
	f := newFileFeed(strings.NewReader("abcdef"), 6, "", &tally{})
	_, err := io.ReadAll(f.open(3, 6))
	assert.ErrorIs(t, err, errUnsent)
	_, err = io.ReadAll(f.open(0, 6))
	assert.NilError(t, err)
	_, err = io.ReadAll(f.open(3, 6))
	assert.NilError(t, err)
}
