package transfer

import (
	"os"
	"path/filepath"
	"testing"

	"gotest.tools/v3/assert"
)

// cutFile counts how often it is cut.
type cutFile struct {
	*os.File
	cuts int
}

func (f *cutFile) Truncate(size int64) error {
	f.cuts++
	return f.File.Truncate(size)
}

// Ext4 writes a file to disk when it is closed if it was ever cut to nothing, even from nothing.
func TestAFileIsCutOnlyIfItIsTooLong(t *testing.T) {
	plain, err := os.Create(filepath.Join(t.TempDir(), "file"))
	assert.NilError(t, err)
	file := &cutFile{File: plain}
	o := newOutput(file, nil)
	assert.NilError(t, o.keep(0))
	_, err = o.Write([]byte("0123456789"))
	assert.NilError(t, err)
	assert.NilError(t, o.keep(10))
	assert.Equal(t, file.cuts, 0)
	assert.NilError(t, o.keep(4))
	assert.Equal(t, file.cuts, 1)
	_, err = o.Write([]byte("x"))
	assert.NilError(t, err)
	assert.NilError(t, o.Close())
	content, err := os.ReadFile(plain.Name())
	assert.NilError(t, err)
	assert.Equal(t, string(content), "0123x")
}
