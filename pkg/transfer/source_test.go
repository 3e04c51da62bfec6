package transfer_test

import (
	"context"
	"errors"
	"net/http"
	"os"
	"strings"
	"testing"

	"gotest.tools/v3/assert"
	"gotest.tools/v3/fs"

	"github.com/converged-computing/oras-operator/pkg/transfer"
	"github.com/converged-computing/oras-operator/pkg/transfer/internal/testregistry"
	"github.com/converged-computing/oras-operator/pkg/tree"
)

func TestE69ALargeFileThatChangesWhileItIsSentIsSentOnceMore(t *testing.T) {
	for name, test := range map[string]struct {
		mode    os.FileMode
		changes int32
	}{
		"a raw layer that changes once":  {0o644, 1},
		"a raw layer that always does":   {0o644, 100},
		"a large pack that changes once": {0o755, 1},
		"a large pack that always does":  {0o755, 100},
	} {
		t.Run(name, func(t *testing.T) {
			registry := testregistry.Start(t)
			repo := repository(t, registry, "changing")
			from := fs.NewDir(t, "from", fs.WithFile("log", strings.Repeat("01234567", 9<<17), fs.WithMode(test.mode)))
			left := test.changes
			registry.SetFault(func(_ http.ResponseWriter, r *http.Request) bool {
				if r.Method == http.MethodPatch && left > 0 { // while it is being sent
					left--
					grow(t, from.Join("log"))
				}
				return false
			})
			_, err := transfer.Push(t.Context(), repo, "v1", transfer.Directory(from.Path()), transfer.PushOptions{Retry: quick(), Concurrency: 1})
			if test.changes > 1 {
				assert.ErrorIs(t, err, transfer.ErrChanged)
				assert.ErrorContains(t, err, "log")
				assert.Assert(t, transfer.Final(err))
				failure, _ := errors.AsType[*transfer.Error](err)
				assert.Equal(t, failure.Side, transfer.SideTree)
				return
			}
			assert.NilError(t, err)
			into := t.TempDir()
			pull(t, repo, "v1", into)
			assert.DeepEqual(t, describe(t, into), describe(t, from.Path()))
		})
	}
}

// grow appends to a file.
func grow(t *testing.T, path string) {
	f, err := os.OpenFile(path, os.O_APPEND|os.O_WRONLY, 0)
	assert.Check(t, err)
	_, err = f.WriteString("more")
	assert.Check(t, err)
	assert.Check(t, f.Close())
}

func TestE69AFileThatVanishesIsNamed(t *testing.T) {
	repo := repository(t, testregistry.Start(t), "vanishing")
	dir := fs.NewDir(t, "from", fs.WithFile("gone", "x"))
	src := transfer.Directory(dir.Path())
	listing, err := src.List(t.Context())
	assert.NilError(t, err)
	assert.NilError(t, os.Remove(dir.Join("gone")))
	_, err = transfer.Push(t.Context(), repo, "v1", listed{src, listing}, transfer.PushOptions{Retry: quick()})
	assert.ErrorIs(t, err, os.ErrNotExist)
	assert.ErrorContains(t, err, "gone")
	assert.Assert(t, transfer.Final(err))
}

// listed is a source with a listing of its own.
type listed struct {
	transfer.Source
	listing tree.Listing
}

func (l listed) List(context.Context) (tree.Listing, error) { return l.listing, nil }

func TestE69AFileThatGrewSinceItWasListedIsPushedAsItIs(t *testing.T) {
	repo := repository(t, testregistry.Start(t), "growing")
	dir := fs.NewDir(t, "from", fs.WithFile("small", "x"), fs.WithFile("large", strings.Repeat("x", 5<<20)))
	src := transfer.Directory(dir.Path())
	listing, err := src.List(t.Context())
	assert.NilError(t, err)
	for _, name := range []string{"small", "large"} {
		grow(t, dir.Join(name))
	}
	_, err = transfer.Push(t.Context(), repo, "v1", listed{src, listing}, transfer.PushOptions{Retry: quick()})
	assert.NilError(t, err)
	into := t.TempDir()
	pull(t, repo, "v1", into)
	assert.DeepEqual(t, describe(t, into)[:2], describe(t, dir.Path())[:2])
}

func TestASourceThatLiesIsRefused(t *testing.T) {
	repo := repository(t, testregistry.Start(t), "lying")
	src := transfer.Directory(t.TempDir())
	_, err := transfer.Push(t.Context(), repo, "v1", listed{src, tree.Listing{Entries: []tree.Entry{{Path: "../../etc/shadow", Type: tree.File}}}}, transfer.PushOptions{})
	assert.Assert(t, transfer.Final(err), err)
	_, err = transfer.Push(t.Context(), repo, "v1", pipes{src}, transfer.PushOptions{})
	assert.ErrorIs(t, err, tree.ErrNotRegular)
}

// pipes is a source that lends a pipe for a file.
type pipes struct{ transfer.Source }

func (pipes) List(context.Context) (tree.Listing, error) {
	return tree.Listing{Entries: []tree.Entry{{Path: "f", Type: tree.File, Size: 1}}}, nil
}

func (pipes) Open(context.Context, []tree.Path) ([]transfer.File, error) {
	r, w, err := os.Pipe()
	if err != nil {
		return nil, err
	}
	return []transfer.File{r}, w.Close()
}
