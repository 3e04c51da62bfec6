package sample

import (
	"os"
	"path/filepath"
	"testing"

	"gotest.tools/v3/assert"
	is "gotest.tools/v3/assert/cmp"
)

func TestATreeIsWholeOnlyToTheLastByte(t *testing.T) {
	tree := Tree{Seed: 7, Files: 7, Bytes: 100_000}
	file := filepath.Join("d1", "f6")
	for name, tc := range map[string]struct {
		change func(dir string) error
		want   string // in the error; empty: none
	}{
		"as it was written": {func(string) error { return nil }, ""},
		"a file is missing": {func(dir string) error { return os.Remove(filepath.Join(dir, file)) }, "1 of the 7 files"},
		"a file too many":   {func(dir string) error { return os.WriteFile(filepath.Join(dir, "x"), nil, 0o600) }, "x does not belong"},
		"a file is short":   {func(dir string) error { return os.Truncate(filepath.Join(dir, file), 99_999) }, "is not file 6"},
		"a byte is another": {func(dir string) error { return flip(filepath.Join(dir, file), 70_000) }, "is not file 6"},
	} {
		t.Run(name, func(t *testing.T) {
			dir := t.TempDir()
			assert.NilError(t, tree.Write(dir))
			assert.NilError(t, tc.change(dir))
			err := tree.Check(dir)
			if tc.want == "" {
				assert.NilError(t, err)
				return
			}
			assert.ErrorContains(t, err, tc.want)
		})
	}
}

func flip(path string, at int) error {
	content, err := os.ReadFile(path)
	if err != nil {
		return err
	}
	content[at] ^= 1
	return os.WriteFile(path, content, 0o600)
}

func TestATreeIsWrittenAsText(t *testing.T) {
	tree := Tree{Seed: 1 << 63, Files: 3, Bytes: 0}
	parsed, err := Parse(tree.String())
	assert.NilError(t, err)
	assert.Equal(t, parsed, tree)
	for _, text := range []string{"", "1/2", "1/0/5", "1/1/-5", "a/b/c"} {
		_, err := Parse(text)
		assert.Assert(t, is.ErrorContains(err, "SEED/FILES/BYTES"), text)
	}
}

func TestTreesOfOtherSeedsAreOthers(t *testing.T) {
	dir := t.TempDir()
	assert.NilError(t, Tree{Seed: 1, Files: 1, Bytes: 10}.Write(dir))
	assert.Assert(t, Tree{Seed: 2, Files: 1, Bytes: 10}.Check(dir) != nil)
}
