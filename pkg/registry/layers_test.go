package registry

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"gotest.tools/v3/assert"
)

// TestTheClusterIsThatOfKubeconfigOutsideOfOne has files as kubectl merges them: what the first ones say holds.
func TestTheClusterIsThatOfKubeconfigOutsideOfOne(t *testing.T) {
	t.Setenv("KUBERNETES_SERVICE_HOST", "")
	dir := t.TempDir()
	file := func(name, text string) string {
		path := filepath.Join(dir, name)
		assert.NilError(t, os.WriteFile(path, []byte("apiVersion: v1\nkind: Config\n"+text), 0o600))
		return path
	}
	cluster := func(host string) string {
		return fmt.Sprintf("clusters: [{name: c, cluster: {server: 'https://%s'}}]\ncontexts: [{name: c, context: {cluster: c}}]\n", host)
	}
	first, second := file("first", cluster("first.example")), file("second", cluster("second.example"))
	current := file("current", "current-context: c\n")
	for list, want := range map[string]string{
		current + ":" + first:                   "https://first.example",
		current + ":" + first + ":" + second:    "https://first.example",
		current + ":" + dir + "/none:" + second: "https://second.example",
	} {
		got, err := clusterOf(strings.ReplaceAll(list, ":", string(filepath.ListSeparator)))
		assert.NilError(t, err)
		assert.Equal(t, got.Host, want)
	}
	for _, none := range []string{"", dir + "/none"} {
		_, err := clusterOf(none)
		assert.Assert(t, err != nil, none)
	}
}
