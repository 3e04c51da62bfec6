package tree_test

import (
	"encoding/json"
	"slices"
	"strings"
	"testing"

	"gotest.tools/v3/assert"

	"github.com/converged-computing/oras-operator/pkg/tree"
)

func TestE68PathsSurviveJSON(t *testing.T) {
	for name, test := range map[string]struct {
		path tree.Path
		json string
	}{
		"a plain path is a string":                      {"a/b c", `"a/b c"`},
		"other alphabets stay as they are":              {"ä/日本", `"ä/日本"`},
		"a newline is escaped":                          {"a\nb", `"a\nb"`},
		"bytes that are not UTF-8 are base64":           {"a\xffb", `{"base64":"Yf9i"}`},
		"the replacement character itself is a string":  {"\ufffd", `"` + "\ufffd" + `"`},
		"a path that looks like the other form is kept": {`{"base64":"Yf9i"}`, `"{\"base64\":\"Yf9i\"}"`},
		"the empty path is kept":                        {"", `""`},
	} {
		t.Run(name, func(t *testing.T) {
			encoded, err := json.Marshal(test.path)
			assert.NilError(t, err)
			assert.Equal(t, string(encoded), test.json)
			var decoded tree.Path
			assert.NilError(t, json.Unmarshal(encoded, &decoded))
			assert.Equal(t, decoded, test.path)
		})
	}
}

func TestPathsThatAreNoJSONPathsAreRefused(t *testing.T) {
	for name, text := range map[string]string{
		"a number":              `1`,
		"an empty object":       `{}`,
		"base64 that is broken": `{"base64":"!"}`,
		"base64 of a number":    `{"base64":1}`,
		"a list":                `["a"]`,
	} {
		t.Run(name, func(t *testing.T) {
			var p tree.Path
			assert.ErrorContains(t, json.Unmarshal([]byte(text), &p), "decoding path")
		})
	}
}

func FuzzPathJSON(f *testing.F) {
	for _, seed := range []string{"", "a/b", "\xff", "a\x00b", `"`, "<&>"} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, s string) {
		encoded, err := json.Marshal(tree.Entry{Path: tree.Path(s)})
		assert.NilError(t, err)
		var e tree.Entry
		assert.NilError(t, json.Unmarshal(encoded, &e))
		assert.Equal(t, string(e.Path), s)
	})
}

func TestValidPaths(t *testing.T) {
	for _, p := range []tree.Path{
		"a", "a/b", "...", "a..b/.c", "-", "a b", "a\nb", "\xff", `a\b`,
		tree.Path(strings.Repeat("n", tree.MaxName)),
		tree.Path(strings.Repeat("d/", (tree.MaxPath-1)/2) + "d"),
	} {
		assert.NilError(t, tree.ValidPath(p))
	}
}

func TestInvalidPathsSayWhatIsWrong(t *testing.T) {
	for name, test := range map[string]struct {
		path tree.Path
		want string
	}{
		"empty":                  {"", "empty"},
		"absolute":               {"/a", "absolute"},
		"the directory itself":   {".", `"."`},
		"out of the tree":        {"../a", `".."`},
		"out in the middle":      {"a/../b", `".."`},
		"out at the end":         {"a/..", `".."`},
		"a dot in the middle":    {"a/./b", `"."`},
		"a trailing slash":       {"a/", "empty"},
		"a doubled slash":        {"a//b", "empty"},
		"a NUL":                  {"a\x00b", "NUL"},
		"a component too long":   {tree.Path(strings.Repeat("n", tree.MaxName+1)), "256 bytes"},
		"a path of too many":     {tree.Path(strings.Repeat("d/", tree.MaxPath/2) + "dd"), "4096 bytes"},
		"a long path is cut off": {tree.Path(strings.Repeat("d/", 1<<20) + "d"), "…"},
	} {
		t.Run(name, func(t *testing.T) {
			err := tree.ValidPath(test.path)
			assert.ErrorIs(t, err, tree.ErrInvalidPath)
			assert.ErrorContains(t, err, test.want)
			assert.Assert(t, len(err.Error()) < 500)
		})
	}
}

func TestCompareKeepsSubtreesTogether(t *testing.T) {
	want := []tree.Path{"a", "a/b", "a/b/c", "a/b-c", "a-b", "a.b", "aa", "b", "\xff"}
	got := slices.Clone(want)
	slices.Reverse(got)
	slices.SortFunc(got, tree.Compare)
	assert.DeepEqual(t, got, want)
	assert.Equal(t, tree.Compare("a/b", "a/b"), 0)
}

func TestBeneath(t *testing.T) {
	assert.Assert(t, tree.Path("a/b").Beneath("a"))
	assert.Assert(t, tree.Path("a").Beneath("a"))
	assert.Assert(t, tree.Path("a").Beneath("."))
	assert.Assert(t, !tree.Path("ab").Beneath("a"))
	assert.Assert(t, !tree.Path("a").Beneath("a/b"))
}
