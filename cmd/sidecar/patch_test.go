package main

import (
	"testing"

	"gotest.tools/v3/assert"
)

func TestParseAdditions(t *testing.T) {
	for name, test := range map[string]struct {
		text string
		want addition // the zero one: refused
	}{
		"a file and where it goes":   {"a/b.txt=c/d.txt", addition{Local: "a/b.txt", Path: "c/d.txt"}},
		"a file alone":               {"a/b.txt", addition{Local: "a/b.txt", Path: "b.txt"}},
		"a directory":                {"a/b/=c/", addition{Local: "a/b/", Path: "c"}},
		"an = in the artifact":       {"x=day=1/x", addition{Local: "x", Path: "day=1/x"}},
		"an absolute file":           {"/tmp/x=./x", addition{Local: "/tmp/x", Path: "x"}},
		"nothing":                    {"", addition{}},
		"no file":                    {"=x", addition{}},
		"no path":                    {"x=", addition{}},
		"a path that is absolute":    {"x=/y", addition{}},
		"a path that leads out":      {"x=a/../../y", addition{}},
		"a directory without a name": {".", addition{}},
	} {
		t.Run(name, func(t *testing.T) {
			got, err := parseAdditions([]string{"first=1", test.text})
			if test.want == (addition{}) {
				assert.ErrorContains(t, err, "does not look like file or file=path")
				return
			}
			assert.NilError(t, err)
			assert.DeepEqual(t, got, []addition{{Local: "first", Path: "1"}, test.want})
		})
	}
}
