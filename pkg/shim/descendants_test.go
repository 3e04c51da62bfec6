package shim

import (
	"slices"
	"testing"

	"gotest.tools/v3/assert"
)

func TestParentIsFoundBehindAnyNameOfAProcess(t *testing.T) {
	tests := map[string]struct {
		stat string
		want int
		ok   bool
	}{
		"a plain name":               {"42 (sleep) S 7 42 42 0 -1", 7, true},
		"a name with spaces":         {"42 (a b c) S 7 42", 7, true},
		"a name that looks like one": {"42 (x) S 1 (y) R 7 42", 7, true},
		"a name of parentheses":      {"42 ()))) Z 7 42", 7, true},
		"nothing":                    {"", 0, false},
		"cut short":                  {"42 (sleep) S", 0, false},
		"no number":                  {"42 (sleep) S x", 0, false},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			got, ok := parentOf([]byte(test.stat))
			assert.Equal(t, ok, test.ok)
			assert.Equal(t, got, test.want)
		})
	}
}

func TestOnlyDescendantsAreFoundAndEachOnce(t *testing.T) {
	children := map[int][]int{1: {2, 3}, 2: {4}, 4: {5, 6}, 9: {10}, 10: {11}}
	got := below(2, children)
	slices.Sort(got)
	assert.DeepEqual(t, got, []int{4, 5, 6})
	assert.Equal(t, len(below(5, children)), 0)
}
