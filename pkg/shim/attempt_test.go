package shim

import (
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"sync"
	"testing"

	"golang.org/x/sys/unix"
	"gotest.tools/v3/assert"
	"gotest.tools/v3/fs"

	"github.com/converged-computing/oras-operator/pkg/handoff"
)

func TestAttemptIsOneMoreThanTheHighestThatIsThere(t *testing.T) {
	tests := map[string]struct {
		there []string
		want  int
	}{
		"none yet":                      {nil, 1},
		"one":                           {[]string{"1"}, 2},
		"a gap is not filled":           {[]string{"1", "7"}, 8},
		"numbers, not names, are order": {[]string{"9", "10"}, 11},
		"what is no attempt is nothing": {[]string{"2", "tmp", "-5", "3x", ".4", "99999999999999999999"}, 3},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			dir := handoff.Dir(t.TempDir())
			for _, name := range test.there {
				assert.NilError(t, os.MkdirAll(filepath.Join(dir.App("app"), name), 0o755))
			}
			got, err := takeAttempt(dir, "app")
			assert.NilError(t, err)
			assert.Equal(t, got, test.want)
			info, err := os.Stat(dir.Attempt("app", got))
			assert.NilError(t, err)
			assert.Equal(t, info.Mode(), os.ModeDir|0o755)
		})
	}
}

func TestNoTwoShimsTakeTheSameAttempt(t *testing.T) {
	dir := handoff.Dir(t.TempDir())
	const shims = 50
	taken := make([]int, shims)
	var group sync.WaitGroup
	for i := range shims {
		group.Go(func() {
			n, err := takeAttempt(dir, "app")
			if err == nil {
				taken[i] = n
			}
		})
	}
	group.Wait()
	slices.Sort(taken)
	assert.Equal(t, taken[0], 1, "none failed")
	assert.Equal(t, len(slices.Compact(taken)), shims)
}

func TestAnAttemptThatCannotBeMadeIsAnError(t *testing.T) {
	file := fs.NewFile(t, "no-directory")
	_, err := takeAttempt(handoff.Dir(file.Path()), "app")
	assert.Assert(t, err != nil)
}

func TestACommandWhoseEndCannotBeRecordedDoesNotSucceed(t *testing.T) {
	full := fmt.Errorf("writing a record: %w", unix.ENOSPC)
	assert.Equal(t, unrecorded(handoff.Done{}, full).code, handoff.ExitRefused)
	assert.Equal(t, unrecorded(handoff.Done{}, unix.EIO).code, handoff.ExitOutputs)
	assert.ErrorContains(t, unrecorded(handoff.Done{}, full), "no space left on device")
	assert.Equal(t, unrecorded(handoff.Done{ExitCode: 3}, full).code, 3)
}
