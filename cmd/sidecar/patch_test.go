package main

import (
	"strings"
	"testing"

	"gotest.tools/v3/assert"
	"gotest.tools/v3/fs"

	"github.com/converged-computing/oras-operator/pkg/transfer"
)

func TestPatchChangesAnArtifactWhereItIs(t *testing.T) {
	registry := startRegistry(t)
	reference := registry.host + "/a:v1"
	does(t, "push", reference, results(t).Path())
	field := fs.NewFile(t, "field", fs.WithContent("new"))
	args := []string{"patch", reference, "--add", field.Path() + "=run-1/field.bin", "--remove", "*.bin", "--remove", "run-2"}

	before := does(t, "ls", reference)
	matches(t, does(t, append(args, "--dry-run")...), "Would patch "+reference+"\n4 files, 12B, in \\d layers?\n.*")
	assert.Equal(t, does(t, "ls", reference), before)

	matches(t, does(t, args...), "Patched "+reference+"@"+digests+"\n4 files, 12B, [0-9.]+k?B sent in .*\n")
	into := t.TempDir()
	does(t, "pull", reference, "--into", into)
	assert.DeepEqual(t, names(t, into), []string{
		"latest run-2", "odd\n\xff", "run-1", "run-1/field.bin", "run-1/points.csv", "summary.txt", "twin.txt summary.txt",
	})
	assert.Equal(t, does(t, "cat", reference, "run-1/field.bin"), "new")

	patched := decoded(t, does(t, "patch", "-ojson", reference, "--remove", "twin.txt"))
	assert.DeepEqual(t, keys(patched), []string{"bytes", "bytesSent", "digest", "files", "reference", "seconds"})

	for name, test := range map[string]struct {
		args []string
		code int
		says string
	}{
		"nothing matches":           {[]string{reference, "--remove", "none*"}, exitNotFound, "none*"},
		"there is no such artifact": {[]string{registry.host + "/a:v2", "--remove", "*"}, exitNotFound, "not found"},
		"there is no such file":     {[]string{reference, "--add", "none"}, exitLocal, "no such file"},
		"the pattern is none":       {[]string{reference, "--remove", "["}, exitUsage, "invalid pattern"},
	} {
		t.Run(name, func(t *testing.T) {
			result := execute(append([]string{"patch"}, test.args...)...)
			assert.Equal(t, result.ExitCode, test.code, result.Combined())
			assert.Assert(t, strings.Contains(result.Stderr(), test.says), result.Stderr())
		})
	}
}

func TestParseAdditions(t *testing.T) {
	for name, test := range map[string]struct {
		text string
		want transfer.Addition // the zero one: refused
	}{
		"a file and where it goes":   {"a/b.txt=c/d.txt", transfer.Addition{Local: "a/b.txt", Path: "c/d.txt"}},
		"a file alone":               {"a/b.txt", transfer.Addition{Local: "a/b.txt", Path: "b.txt"}},
		"a directory":                {"a/b/=c/", transfer.Addition{Local: "a/b/", Path: "c"}},
		"an = in the artifact":       {"x=day=1/x", transfer.Addition{Local: "x", Path: "day=1/x"}},
		"an absolute file":           {"/tmp/x=./x", transfer.Addition{Local: "/tmp/x", Path: "x"}},
		"nothing":                    {"", transfer.Addition{}},
		"no file":                    {"=x", transfer.Addition{}},
		"no path":                    {"x=", transfer.Addition{}},
		"a path that is absolute":    {"x=/y", transfer.Addition{}},
		"a path that leads out":      {"x=a/../../y", transfer.Addition{}},
		"a directory without a name": {".", transfer.Addition{}},
	} {
		t.Run(name, func(t *testing.T) {
			got, err := parseAdditions([]string{"first=1", test.text})
			if test.want == (transfer.Addition{}) {
				assert.ErrorContains(t, err, "does not look like file or file=path")
				return
			}
			assert.NilError(t, err)
			assert.DeepEqual(t, got, []transfer.Addition{{Local: "first", Path: "1"}, test.want})
		})
	}
}
