package artifact

import (
	"path"
	"testing"

	"gotest.tools/v3/assert"
)

func TestSpellingsOfADirectory(t *testing.T) {
	for n, want := range []string{"d", "d/", "d/.", "d//", "d//.", "d/./", "d/./.", "d///"} {
		assert.Equal(t, spell("d", n), want)
	}
}

func TestSpellingsDifferAndMeanTheSame(t *testing.T) {
	for _, dir := range []string{"d", "d/e", "."} {
		seen := map[string]bool{}
		for n := range 5000 {
			s := spell(dir, n)
			assert.Assert(t, !seen[s], "%q comes twice", s)
			seen[s] = true
			assert.Equal(t, path.Clean(s), dir)
			assert.Assert(t, len(s) <= len(dir)+26)
		}
	}
}
