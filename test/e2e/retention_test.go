//go:build e2e

package e2e

import (
	"context"
	"encoding/json"
	"path/filepath"
	"testing"
	"time"

	"gotest.tools/v3/assert"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/utils/ptr"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/converged-computing/oras-operator/pkg/apis/v1alpha1"
	"github.com/converged-computing/oras-operator/pkg/registry"
	"github.com/converged-computing/oras-operator/test/sample"
)

// The artifact that stays has the same tree as two that go: the blob that they share must not go with them.
func TestWhatRetentionAndDeletionLetGoGivesItsBytesBack(t *testing.T) {
	t.Parallel()
	c := connect(t)
	ns := c.namespace(t, nil)
	often := new("@every 2s")
	c.cacheOf(t, ns, v1alpha1.OrasCacheSpec{GC: v1alpha1.GCSpec{Schedule: often}})
	c.apply(t, ns, treeMaker("maker", "live:v1", tree(1)))
	c.complete(t, ns, "maker")
	host := c.forward(t, ns)
	for _, pushed := range []struct {
		ref  string
		tree sample.Tree
	}{
		{"sweep/one:v1", tree(1)}, {"sweep/two:v1", tree(1)}, {"runs/a:v1", tree(2)}, {"runs/a:v2", tree(3)}, {"mistake:v1", tree(4)},
	} {
		pushTree(t, host, pushed.ref, pushed.tree)
	}
	full := c.awaitStatus(t, ns, func(s registry.Status) bool { return s.Manifests == 6 })
	assert.Assert(t, full.Bytes > 4*treeBytes && full.Bytes < 4*treeBytes+1<<20, "%d bytes", full.Bytes)

	oras(t, "", "manifest", "delete", "--force", "--plain-http", host+"/mistake:v1")
	second := &metav1.Duration{Duration: time.Second}
	c.changeCache(t, ns, func(spec *v1alpha1.OrasCacheSpec) {
		spec.Retention = []v1alpha1.RetentionRule{
			{Repositories: "sweep/*", TTL: second, Untagged: second},
			{Repositories: "runs/*", KeepLast: ptr.To[int32](1), Untagged: second},
		}
		spec.GC = v1alpha1.GCSpec{Schedule: often, GracePeriod: second}
	})
	c.awaitStatus(t, ns, func(s registry.Status) bool {
		return s.Manifests == 2 && s.Bytes > 2*treeBytes && s.Bytes < 2*treeBytes+1<<20
	})
	assert.DeepEqual(t, c.tags(t, ns, "runs/a"), []string{"v2"})
	for _, gone := range []string{"sweep/one", "sweep/two", "mistake"} {
		assert.Equal(t, len(c.tags(t, ns, gone)), 0, gone)
	}
	c.apply(t, ns, treeTaker("taker", "live:v1", tree(1)))
	c.complete(t, ns, "taker")
	await(t, "the status of the OrasCache says what is left", func(ctx context.Context) (bool, error) {
		var cache v1alpha1.OrasCache
		err := c.Get(ctx, client.ObjectKey{Namespace: ns, Name: cacheName}, &cache)
		s := cache.Status
		return s.Artifacts != nil && *s.Artifacts == 2 && s.Size != nil && s.Size.Value() < 2*treeBytes+1<<20, err
	})
}

// changeCache changes the spec of a namespace's cache, whose registry is restarted for that.
func (c *cluster) changeCache(t *testing.T, namespace string, change func(spec *v1alpha1.OrasCacheSpec)) {
	t.Helper()
	var cache v1alpha1.OrasCache
	assert.NilError(t, c.Get(within(t), client.ObjectKey{Namespace: namespace, Name: cacheName}, &cache))
	before := cache.DeepCopy()
	change(&cache.Spec)
	assert.NilError(t, c.Patch(within(t), &cache, client.MergeFrom(before)))
}

// treeBytes is the size of the one file of each tree. An artifact has it as a blob of its own, the same whoever pushed it.
const treeBytes = 4 << 20

func tree(seed uint64) sample.Tree { return sample.Tree{Seed: seed, Files: 1, Bytes: treeBytes} }

// treeMaker is a step that makes a tree and pushes it.
func treeMaker(name, ref string, tree sample.Tree) job {
	return job{
		name: name, labels: keys{"oras-cache": "oras"}, annotations: keys{"output-uri": ref},
		args: []string{"make-tree", "$ORAS_OUTPUT_PATH", tree.String()},
	}
}

// treeTaker is a step that fails unless its input is that tree.
func treeTaker(name, ref string, tree sample.Tree) job {
	return job{
		name: name, labels: keys{"oras-cache": "oras"}, annotations: keys{"input-uri": ref, "input-path": "/in"},
		args: []string{"check-tree", "/in", tree.String()},
	}
}

// pushTree pushes the file of a tree to the registry at host with the stock client, as a blob.
func pushTree(t *testing.T, host, ref string, tree sample.Tree) {
	t.Helper()
	dir := t.TempDir()
	assert.NilError(t, tree.Write(dir))
	files, err := filepath.Glob(filepath.Join(dir, "*", "*"))
	assert.NilError(t, err)
	args := []string{"push", "--plain-http", host + "/" + ref}
	for _, file := range files {
		name, err := filepath.Rel(dir, file)
		assert.NilError(t, err)
		args = append(args, name)
	}
	oras(t, dir, args...)
}

// awaitStatus waits until the registry reports a status that is wanted.
func (c *cluster) awaitStatus(t *testing.T, namespace string, wanted func(registry.Status) bool) registry.Status {
	t.Helper()
	var said registry.Status
	await(t, "the registry says that it holds what it should", func(ctx context.Context) (bool, error) {
		text, err := c.Kube.CoreV1().RESTClient().Get().
			Namespace(namespace).Resource("pods").Name(cacheName + "-0:5001").SubResource("proxy").Suffix("oras/status").DoRaw(ctx)
		if err != nil {
			return false, nil // it has not looked yet
		}
		err = json.Unmarshal(text, &said)
		return wanted(said), err
	})
	return said
}
