package artifact

import (
	"archive/tar"
	"bytes"
	"io"
	"testing"

	"gotest.tools/v3/assert"

	"github.com/converged-computing/oras-operator/pkg/tree"
)

func TestE76UnpackStopsABomb(t *testing.T) {
	const size = 8 << 20
	var packed bytes.Buffer
	z, err := NewGzip(&packed, Gzip.Level(nil))
	assert.NilError(t, err)
	a := tar.NewWriter(z)
	assert.NilError(t, a.WriteHeader(&tar.Header{Typeflag: tar.TypeReg, Name: "bomb", Size: size}))
	_, err = a.Write(make([]byte, size))
	assert.NilError(t, err)
	assert.NilError(t, a.Close())
	assert.NilError(t, z.Close())
	for name, test := range map[string]struct {
		budget Budget
		want   error
	}{
		"beyond the free bytes the ratio counts": {Budget{Entries: 1, Bytes: size, ratio: maxRatio, free: 1 << 20}, ErrTooLarge},
		"below them it does not":                 {Budget{Entries: 1, Bytes: size, ratio: maxRatio, free: size}, nil},
		"nor where the contents are known":       {Budget{Entries: 1, Bytes: size}, nil},
	} {
		t.Run(name, func(t *testing.T) {
			n := int64(0)
			err := Unpack(bytes.NewReader(packed.Bytes()), &test.budget, func(_ tree.Entry, content io.Reader) (err error) {
				n, err = io.Copy(io.Discard, content)
				return err
			})
			assert.ErrorIs(t, err, test.want)
			assert.Equal(t, n < size, test.want != nil)
		})
	}
	assert.Equal(t, NewBudget(0).free, int64(ratioFree))
}
