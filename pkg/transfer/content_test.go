package transfer

import (
	"bytes"
	"os"
	"testing"

	"gotest.tools/v3/assert"
	"gotest.tools/v3/fs"

	"github.com/converged-computing/oras-operator/pkg/tree"
)

// restless is a file that something happens to each time that it is read, as long as there is something left to happen.
type restless struct {
	*os.File
	happen []func()
}

func (r *restless) ReadAt(b []byte, offset int64) (int, error) {
	n, err := r.File.ReadAt(b, offset)
	if len(r.happen) > 0 {
		r.happen[0]()
		r.happen = r.happen[1:]
	}
	return n, err
}

func TestE69ASmallFileThatChangesIsReadOnceMore(t *testing.T) {
	dir := fs.NewDir(t, "from", fs.WithFile("f", "abc"))
	write := func(content string) func() {
		return func() { assert.NilError(t, os.WriteFile(dir.Join("f"), []byte(content), 0o600)) }
	}
	for name, test := range map[string]struct {
		happen []func()
		want   string
		err    error
	}{
		"it does not change":     {nil, "abc", nil},
		"it grows once":          {[]func(){write("abcdef")}, "abcdef", nil},
		"it shrinks once":        {[]func(){write("a")}, "a", nil},
		"it changes both times":  {[]func(){write("abcd"), write("abcde")}, "", ErrChanged},
		"it grows beyond a pack": {[]func(){func() { assert.NilError(t, os.Truncate(dir.Join("f"), 9<<20)) }}, "", ErrChanged},
	} {
		t.Run(name, func(t *testing.T) {
			write("abc")()
			f, err := tree.Open(dir.Path(), "f")
			assert.NilError(t, err)
			defer func() { assert.Check(t, f.Close()) }()
			e, err := tree.Stat(f)
			assert.NilError(t, err)
			var content bytes.Buffer
			err = readSmall(&content, &restless{f, test.happen}, &e)
			assert.ErrorIs(t, err, test.err)
			if test.err == nil {
				assert.Equal(t, content.String(), test.want)
				assert.Equal(t, e.Size, int64(len(test.want)))
			}
		})
	}
}
