package transfer_test

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"io"
	"os"
	"testing"
	"time"

	"gotest.tools/v3/assert"
	"oras.land/oras-go/v2/registry/remote"

	"github.com/converged-computing/oras-operator/pkg/transfer"
	"github.com/converged-computing/oras-operator/pkg/transfer/internal/testregistry"
	"github.com/converged-computing/oras-operator/pkg/tree"
)

// quick is how tests retry.
func quick() transfer.Retry {
	return transfer.Retry{First: time.Millisecond, Longest: 5 * time.Millisecond, Limit: 20 * time.Second}
}

func repository(t *testing.T, r *testregistry.Registry, name string) *remote.Repository {
	t.Helper()
	repo, err := transfer.Registry{Host: r.Host, PlainHTTP: true}.Repository(name)
	assert.NilError(t, err)
	return repo
}

func push(t *testing.T, repo *remote.Repository, tag, path string) transfer.Result {
	t.Helper()
	result, err := transfer.Push(t.Context(), repo, tag, transfer.Directory(path), transfer.PushOptions{Retry: quick()})
	assert.NilError(t, err)
	return result
}

func pull(t *testing.T, repo *remote.Repository, ref, path string) transfer.Result {
	t.Helper()
	result, err := pullInto(t.Context(), repo, ref, path, transfer.PullOptions{Retry: quick()})
	assert.NilError(t, err)
	return result
}

func pullInto(ctx context.Context, repo *remote.Repository, ref, path string, opts transfer.PullOptions) (transfer.Result, error) {
	sink, err := transfer.IntoDirectory(path, tree.WriterOptions{})
	if err != nil {
		return transfer.Result{}, err
	}
	return transfer.Pull(ctx, repo, ref, sink, opts)
}

// describe lists a tree with all that a pull is to restore, contents included, one line for each entry.
func describe(t *testing.T, path string) []string {
	t.Helper()
	listing, err := tree.List(path)
	assert.NilError(t, err)
	var lines []string
	for _, e := range listing.Entries {
		line := fmt.Sprintf("%s %q %q", e.Type, string(e.Path), string(e.Link))
		if e.Type != tree.Hardlink {
			line += " " + e.ModTime.Format(time.RFC3339Nano)
		}
		if e.Type == tree.File || e.Type == tree.Dir {
			line += fmt.Sprintf(" %o", e.Mode&0o777)
		}
		if e.Type == tree.File {
			line += fmt.Sprintf(" %d %s", e.Size, sum(t, path, e.Path))
		}
		lines = append(lines, line)
	}
	return lines
}

func sum(t *testing.T, path string, rel tree.Path) string {
	t.Helper()
	f, err := tree.Open(path, rel)
	assert.NilError(t, err)
	defer func() { assert.Check(t, f.Close()) }()
	h := sha256.New()
	_, err = io.Copy(h, f)
	assert.NilError(t, err)
	return hex.EncodeToString(h.Sum(nil)[:6])
}

func isEmpty(t *testing.T, dir string) {
	t.Helper()
	found, err := os.ReadDir(dir)
	if !os.IsNotExist(err) {
		assert.NilError(t, err)
	}
	assert.Equal(t, len(found), 0, "%s holds %v", dir, found)
}
