package main

import (
	"encoding/json"
	"net/http"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"gotest.tools/v3/assert"
	"gotest.tools/v3/icmd"

	"github.com/converged-computing/oras-operator/pkg/tree"
)

// decoded decodes the only JSON object of an output.
func decoded(t *testing.T, output string) map[string]any {
	t.Helper()
	decoder := json.NewDecoder(strings.NewReader(output))
	var v map[string]any
	assert.NilError(t, decoder.Decode(&v), output)
	assert.Assert(t, !decoder.More(), output)
	return v
}

func matches(t *testing.T, text, pattern string) {
	t.Helper()
	assert.Assert(t, regexp.MustCompile("^(?s:"+pattern+")$").MatchString(text), "%q is not %s", text, pattern)
}

// names lists a directory: each path, and what it is.
func names(t *testing.T, dir string) []string {
	t.Helper()
	listing, err := tree.List(dir)
	assert.NilError(t, err)
	var found []string
	for _, e := range listing.Entries {
		found = append(found, strings.TrimSpace(string(e.Path)+" "+string(e.Link)))
	}
	return found
}

const digests = `sha256:[0-9a-f]{64}`

func TestWhatIsPushedIsPulled(t *testing.T) {
	registry := startRegistry(t)
	from, into := results(t).Path(), filepath.Join(t.TempDir(), "not/there/yet")
	pushed := execute("push", registry.host+"/a:v1", from)
	pushed.Assert(t, icmd.Success)
	matches(t, pushed.Stdout(), "Pushed "+registry.host+"/a:v1@"+digests+"\n5 files, 5.24MB, 5.2[45]MB sent in [0-9.]+m?s\n")
	assert.Equal(t, pushed.Stderr(), "")

	pulled := execute("pull", registry.host+"/a:v1", "--into", into)
	pulled.Assert(t, icmd.Success)
	matches(t, pulled.Stdout(), "Pulled "+registry.host+"/a:v1@"+digests+" into "+into+"\n5 files, 5.24MB, 5.2[45]MB received in [0-9.]+m?s\n")
	assert.Equal(t, pulled.Stderr(), "")
	assert.DeepEqual(t, names(t, into), names(t, from))
	info, err := os.Stat(filepath.Join(into, "summary.txt"))
	assert.NilError(t, err)
	assert.Equal(t, info.Mode().Perm(), os.FileMode(0o640))
}

func TestAResultAsJSONIsOneObject(t *testing.T) {
	registry := startRegistry(t)
	from := results(t)
	assert.NilError(t, os.Symlink("/usr/bin/env", from.Join("out")))
	reference := registry.host + "/a:v1"
	pushed := decoded(t, does(t, "push", "-o", "json", reference, from.Path()))
	digest := pushed["digest"].(string)
	assert.DeepEqual(t, keys(pushed), []string{"bytes", "bytesSent", "digest", "files", "reference", "seconds", "warnings"})
	assert.Equal(t, pushed["reference"], reference)
	assert.Equal(t, pushed["files"], 5.0)
	assert.DeepEqual(t, pushed["warnings"], []any{`"out" can be restored by this client only, not by other clients`})

	into := t.TempDir()
	pulled := decoded(t, does(t, "pull", "--output=json", "--quiet", reference, "--into", into))
	assert.DeepEqual(t, keys(pulled), []string{"bytes", "bytesReceived", "digest", "files", "into", "reference", "seconds"})
	assert.Equal(t, pulled["digest"], digest)
	assert.Equal(t, pulled["bytes"], pushed["bytes"])

	copied := decoded(t, does(t, "copy", "-ojson", reference, registry.host+"/b"))
	assert.DeepEqual(t, keys(copied), []string{"blobs", "bytes", "bytesSent", "digest", "reference", "seconds", "source"})
	assert.Equal(t, copied["reference"], registry.host+"/b:v1")
	assert.Equal(t, copied["source"], reference)
	assert.Equal(t, copied["bytesSent"], 0.0)

	planned := decoded(t, does(t, "push", "-ojson", "--dry-run", reference, from.Path()))
	assert.DeepEqual(t, keys(planned), []string{"bytes", "dryRun", "files", "layers", "reference", "seconds", "warnings"})
	assert.DeepEqual(t, planned["layers"].([]any)[0], map[string]any{"title": "field.bin", "kind": "raw", "files": 1.0, "bytes": 5242880.0})
}

func keys(m map[string]any) []string {
	var all []string
	for key := range m {
		all = append(all, key)
	}
	slices.Sort(all)
	return all
}

func TestQuietIsQuiet(t *testing.T) {
	registry := startRegistry(t)
	from := results(t)
	assert.NilError(t, os.Symlink("/usr/bin/env", from.Join("out")))
	loud := execute("push", registry.host+"/a:v1", from.Path())
	assert.Equal(t, loud.Stderr(), "Warning: \"out\" can be restored by this client only, not by other clients\n")
	for _, args := range [][]string{
		{"push", registry.host + "/a:v1", from.Path()},
		{"pull", registry.host + "/a:v1", "--into", t.TempDir()},
		{"copy", registry.host + "/a:v1", registry.host + "/b"},
	} {
		result := execute(append(args, "--quiet")...)
		result.Assert(t, icmd.Success)
		assert.Equal(t, result.Combined(), "")
	}
}

func TestADryRunDoesNothing(t *testing.T) {
	registry := startRegistry(t)
	from, into := results(t).Path(), filepath.Join(t.TempDir(), "into")
	matches(t, does(t, "push", "--dry-run", registry.host+"/a:v1", from), "Would push "+registry.host+"/a:v1\n"+
		"5 files, 5.24MB, in 2 layers\nraw   1 file   5.24MB  field.bin\npack  4 files  15B     \\.\n")
	assert.Equal(t, len(registry.requests()), 0)
	does(t, "push", registry.host+"/a:v1", from)
	matches(t, does(t, "pull", "--dry-run", registry.host+"/a:v1", "--into", into, "--path", "run-*"), "Would pull "+registry.host+
		"/a:v1@"+digests+" into "+into+"\n2 files, 10B, in 1 layer\npack  2 files  10B  \\.\n")
	_, err := os.Stat(into)
	assert.ErrorIs(t, err, os.ErrNotExist)
}

func TestPullTakesOnlyWhatPathsMatch(t *testing.T) {
	registry := startRegistry(t)
	does(t, "push", registry.host+"/a:v1", results(t).Path())
	into := t.TempDir()
	does(t, "pull", registry.host+"/a:v1", "--into", into, "--path", "**/*.csv", "--path", "latest")
	assert.DeepEqual(t, names(t, into), []string{"latest run-2", "run-1", "run-1/points.csv", "run-2", "run-2/points.csv"})
}

func TestAPullThatFailsLeavesNothing(t *testing.T) {
	registry := startRegistry(t)
	into := filepath.Join(t.TempDir(), "into")
	assert.Equal(t, execute("pull", registry.host+"/none:v1", "--into", into).ExitCode, 3)
	_, err := os.Stat(into)
	assert.ErrorIs(t, err, os.ErrNotExist)
}

func TestAPullOfWhatIsThereIsACheck(t *testing.T) {
	registry := startRegistry(t)
	does(t, "push", registry.host+"/a:v1", results(t).Path())
	into := t.TempDir()
	pull := []string{"pull", "-ojson", registry.host + "/a:v1", "--path", "field.bin", "--into", into}
	assert.Equal(t, decoded(t, does(t, pull...))["bytesReceived"], 5242880.0)
	assert.Equal(t, decoded(t, does(t, pull...))["bytesReceived"], 0.0)
	holds := filepath.Join(into, "field.bin")
	assert.NilError(t, os.WriteFile(holds, []byte(strings.Repeat("76543210", 5<<17)), 0o600))
	assert.Equal(t, decoded(t, does(t, pull...))["bytesReceived"], 5242880.0)
}

func TestCatWritesAFile(t *testing.T) {
	registry := startRegistry(t)
	does(t, "push", registry.host+"/a:v1", results(t).Path())
	assert.Equal(t, does(t, "cat", registry.host+"/a:v1", "./latest/points.csv"), "c,d,e\n")
	assert.Assert(t, does(t, "cat", registry.host+"/a:v1", "field.bin") == strings.Repeat("01234567", 5<<17))
	assert.Equal(t, execute("cat", registry.host+"/a:v1", "run-1").ExitCode, 1)
}

func TestLsListsRepositoriesTagsAndFiles(t *testing.T) {
	registry := startRegistry(t)
	assert.Equal(t, does(t, "ls", registry.host), "")
	from := results(t).Path()
	for _, name := range []string{"/b/c:v1", "/a:v2", "/a:v1"} {
		does(t, "push", registry.host+name, from)
	}
	assert.Equal(t, does(t, "ls", registry.host), "a\nb/c\n")
	assert.Equal(t, does(t, "ls", registry.host+"/a"), "v1\nv2\n")
	assert.DeepEqual(t, decoded(t, does(t, "ls", "-ojson", registry.host))["repositories"], []any{"a", "b/c"})
	assert.DeepEqual(t, decoded(t, does(t, "ls", "-ojson", registry.host+"/a"))["tags"], []any{"v1", "v2"})

	lines := strings.Split(does(t, "ls", registry.host+"/a:v1"), "\n")
	assert.Equal(t, lines[0], "-rw-r--r-- 5242880 "+day(t, lines[0])+" field.bin")
	assert.Equal(t, lines[1], "lrwxrwxrwx       0 "+day(t, lines[1])+" latest -> run-2")
	assert.Equal(t, lines[2], "-rw-r--r--       0 "+day(t, lines[2])+` "odd\n\xff"`)
	assert.Equal(t, lines[3], "drwxr-xr-x       0 "+day(t, lines[3])+" run-1/")
	assert.DeepEqual(t, lines[7:], []string{
		"-rw-r-----       5 2026-01-02 03:04 summary.txt",
		"h---------       0 ---------------- twin.txt link to summary.txt", "",
	})
	assert.Equal(t, does(t, "ls", registry.host+"/a:v1", "--path", "s*"), "-rw-r----- 5 2026-01-02 03:04 summary.txt\n")

	listing := decoded(t, does(t, "ls", "-ojson", "--path", "*.txt", registry.host+"/a:v1"))
	assert.DeepEqual(t, keys(listing), []string{"digest", "files", "reference"})
	files := listing["files"].([]any)
	assert.DeepEqual(t, files[1], map[string]any{"path": "twin.txt", "type": "hardlink", "link": "summary.txt"})
	delete(files[0].(map[string]any), "digest")
	assert.DeepEqual(t, files[0], map[string]any{
		"path": "summary.txt", "type": "file", "mode": "0640", "size": 5.0, "modTime": "2026-01-02T03:04:05Z",
	})
}

// day is the date and time in a line of ls.
func day(t *testing.T, line string) string {
	t.Helper()
	found := regexp.MustCompile(`\d{4}-\d\d-\d\d \d\d:\d\d`).FindString(line)
	assert.Assert(t, found != "", line)
	return found
}

func TestCopyKeepsTagAndDigest(t *testing.T) {
	registry, other := startRegistry(t), startRegistry(t)
	from := results(t).Path()
	digest := decoded(t, does(t, "push", "-ojson", registry.host+"/a:v1", from))["digest"].(string)
	matches(t, does(t, "copy", registry.host+"/a:v1", other.host+"/b/c"),
		"Copied "+registry.host+"/a:v1 to "+other.host+"/b/c:v1@"+digest+"\n3 blobs, 5.2[45]MB, 5.2[45]MB sent in .*\n")
	matches(t, does(t, "copy", registry.host+"/a:v1", other.host+"/b/c:v2"), "(?s).*/b/c:v2@"+digest+"\nit was there already\n")
	does(t, "copy", registry.host+"/a@"+digest, other.host+"/d:best")
	assert.Equal(t, does(t, "ls", other.host+"/b/c"), "v1\nv2\n")
	assert.Equal(t, does(t, "ls", other.host+"/d"), "best\n")

	untagged := execute("copy", registry.host+"/a@"+digest, other.host+"/e")
	assert.Equal(t, untagged.ExitCode, exitUsage)
	assert.Assert(t, strings.Contains(untagged.Stderr(), "give one"), untagged.Stderr())
	two := icmd.RunCmd(icmd.Command("sidecar", "copy", "--username=u", "--password-stdin", registry.host+"/a:v1", other.host+"/a"),
		icmd.WithStdin(strings.NewReader("p")))
	assert.Equal(t, two.ExitCode, exitUsage)
}

func TestRetriesAreTold(t *testing.T) {
	registry := startRegistry(t)
	does(t, "push", registry.host+"/a:v1", results(t).Path())
	first := true
	registry.set(func(w http.ResponseWriter, _ *http.Request) bool {
		if first {
			first = false
			w.Header().Set("Retry-After", "1")
			w.WriteHeader(http.StatusServiceUnavailable)
			return true
		}
		return false
	})
	result := execute("cat", registry.host+"/a:v1", "summary.txt")
	result.Assert(t, icmd.Success)
	assert.Equal(t, result.Stderr(), "The registry answered 503, trying again in 1s\n")
	assert.Equal(t, result.Stdout(), "done\n")
}
