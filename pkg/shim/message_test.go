package shim

import (
	"os"
	"strings"
	"testing"
	"unicode/utf8"

	"gotest.tools/v3/assert"
	"gotest.tools/v3/fs"
)

func TestTerminationMessageIsCutToWhatTheKubeletKeeps(t *testing.T) {
	file := fs.NewFile(t, "termination-log", fs.WithContent("of an earlier attempt"))
	assert.NilError(t, writeTerminationMessage(file.Path(), "x"+strings.Repeat("é", 4096)))
	got, err := os.ReadFile(file.Path())
	assert.NilError(t, err)
	assert.Equal(t, len(got), 4095, "the last character does not fit as a whole")
	assert.Assert(t, utf8.Valid(got))
}

func TestTerminationMessageFileIsNeverCreated(t *testing.T) {
	dir := fs.NewDir(t, "dev")
	assert.ErrorIs(t, writeTerminationMessage(dir.Join("termination-log"), "x"), os.ErrNotExist)
	assert.Assert(t, fs.Equal(dir.Path(), fs.Expected(t)))
}

func TestTruncateLeavesWhatIsShortEnough(t *testing.T) {
	assert.Equal(t, truncate("", 0), "")
	assert.Equal(t, truncate("abc", 3), "abc")
	assert.Equal(t, truncate("aé", 2), "a")
	assert.Equal(t, truncate("\xa9\xa9\xa9", 2), "", "continuation bytes alone")
}
