package shim

import (
	"io/fs"
	"os"
	"path/filepath"
	"testing"

	"gotest.tools/v3/assert"

	"github.com/converged-computing/oras-operator/pkg/handoff"
)

func TestCommandMayStartOnlyWhenTheVerdictIsOKAndOfThisBoot(t *testing.T) {
	now := headerOfNow(t)
	tests := map[string]struct {
		ready handoff.Ready
		ok    bool
		code  int // 0: no error
	}{
		"in place":                        {handoff.Ready{Header: now, State: handoff.OK}, true, 0},
		"still being pulled":              {handoff.Ready{Header: now, State: handoff.Pulling}, false, 0},
		"a state that we do not know":     {handoff.Ready{Header: now, State: "thinking"}, false, 0},
		"E3 failed":                       {handoff.Ready{Header: now, State: handoff.Failed, Failure: &handoff.Failure{Code: 204}}, false, 204},
		"failed without saying why":       {handoff.Ready{Header: now, State: handoff.Failed}, false, 200},
		"E10 in place before a reboot":    {handoff.Ready{State: handoff.OK}, false, 0},
		"E10 failed before a reboot":      {handoff.Ready{State: handoff.Failed}, false, 0},
		"E10 in place under another boot": {handoff.Ready{Header: handoff.Header{Version: 1, BootID: "another"}, State: handoff.OK}, false, 0},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			ok, err := judgeReady(test.ready)
			assert.Equal(t, ok, test.ok)
			if test.code == 0 {
				assert.NilError(t, err)
				return
			}
			assert.Equal(t, asEnding(err).code, test.code)
		})
	}
}

func TestARecordThatIsNotThereYetIsWaitedForAndABrokenOneIsNot(t *testing.T) {
	assert.NilError(t, unreadable(&fs.PathError{Op: "open", Path: "ready", Err: os.ErrNotExist}))
	assert.Equal(t, asEnding(unreadable(handoff.ErrNewer)).code, handoff.ExitConfig)
	assert.Equal(t, asEnding(unreadable(handoff.ErrNotRecord)).code, handoff.ExitConfig)
}

// headerOfNow returns the header of a record that is written now.
func headerOfNow(t *testing.T) handoff.Header {
	t.Helper()
	path := filepath.Join(t.TempDir(), "record")
	assert.NilError(t, handoff.Write(path, handoff.Ready{}))
	ready, err := handoff.Read[handoff.Ready](path)
	assert.NilError(t, err)
	return ready.Header
}
