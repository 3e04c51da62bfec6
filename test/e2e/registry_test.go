//go:build e2e

package e2e

import (
	"context"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"gotest.tools/v3/assert"
	"gotest.tools/v3/icmd"
)

// pull fetches an artifact of a cache with the stock oras client, as on a laptop, and returns its files by path.
func (c *cluster) pull(t *testing.T, namespace, ref string) map[string]string {
	t.Helper()
	dir := t.TempDir()
	oras(t, "", "pull", "--plain-http", "--output", dir, c.forward(t, namespace)+"/"+ref)
	return contents(t, dir)
}

// push stores files as an artifact with the stock oras client.
func (c *cluster) push(t *testing.T, namespace, ref string, files map[string]string) {
	t.Helper()
	dir := t.TempDir()
	for path, content := range files {
		assert.NilError(t, os.MkdirAll(filepath.Dir(filepath.Join(dir, path)), 0o755))
		assert.NilError(t, os.WriteFile(filepath.Join(dir, path), []byte(content), 0o644))
	}
	top := slices.Sorted(maps.Keys(tops(files)))
	args := append([]string{"push", "--plain-http", c.forward(t, namespace) + "/" + ref}, top...)
	oras(t, dir, args...)
}

func tops(files map[string]string) map[string]bool {
	set := map[string]bool{}
	for path := range files {
		first, _, _ := strings.Cut(path, "/")
		set[first] = true
	}
	return set
}

// tags lists the tags of a repository; nil where there is none.
func (c *cluster) tags(t *testing.T, namespace, repository string) []string {
	t.Helper()
	return tagsAt(t, c.forward(t, namespace), repository)
}

// tagsAt is the same of the registry at host.
func tagsAt(t *testing.T, host, repository string) []string {
	t.Helper()
	result := icmd.RunCmd(icmd.Command(os.Getenv("ORAS_CLI"), "repo", "tags", "--plain-http", host+"/"+repository))
	if result.ExitCode != 0 {
		assert.Assert(t, strings.Contains(strings.ToLower(result.Stderr()), "not found") || strings.Contains(result.Stderr(), "name unknown"), result.String())
		return nil
	}
	return strings.Fields(result.Stdout())
}

// digest is what a tag names.
func (c *cluster) digest(t *testing.T, namespace, ref string) string {
	t.Helper()
	cmd := icmd.Command(os.Getenv("ORAS_CLI"), "resolve", "--plain-http", c.forward(t, namespace)+"/"+ref)
	result := icmd.RunCmd(cmd).Assert(t, icmd.Success)
	return strings.TrimSpace(result.Stdout())
}

// oras runs the stock client in dir.
func oras(t *testing.T, dir string, args ...string) {
	t.Helper()
	cmd := icmd.Command(os.Getenv("ORAS_CLI"), args...)
	icmd.RunCmd(cmd, icmd.Dir(dir)).Assert(t, icmd.Success)
}

// forward forwards the port of the cache's registry for the rest of the test and returns its host:port.
func (c *cluster) forward(t *testing.T, namespace string) string {
	t.Helper()
	ctx, stop := context.WithCancel(t.Context())
	t.Cleanup(stop)
	address, _, err := c.Forward(ctx, namespace, cacheName+"-0", 5000)
	assert.NilError(t, err)
	return address
}

// contents are the regular files below dir by their relative paths.
func contents(t *testing.T, dir string) map[string]string {
	t.Helper()
	files := map[string]string{}
	err := filepath.WalkDir(dir, func(path string, d fs.DirEntry, err error) error {
		if err != nil || !d.Type().IsRegular() {
			return err
		}
		content, err := os.ReadFile(path)
		rel, _ := filepath.Rel(dir, path)
		files[rel] = string(content)
		return err
	})
	assert.NilError(t, err)
	return files
}
