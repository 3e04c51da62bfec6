package handoff_test

import (
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"unicode/utf8"

	"gotest.tools/v3/assert"
	is "gotest.tools/v3/assert/cmp"

	"github.com/converged-computing/oras-operator/pkg/handoff"
)

func TestNoticesComeBackAsTheyWereLeft(t *testing.T) {
	log := terminationLog(t)
	notices := []handoff.Notice{
		{Reason: handoff.ReasonInputsPulled, Message: "pulled 2 artifacts: 3 files"},
		{Reason: handoff.ReasonOutputPushed, Message: "oras.flow.svc:5000/out:latest@sha256:0123"},
		{Reason: handoff.ReasonOutputPushFailed, Message: "output größer: Kontingent erschöpft"},
	}
	file := handoff.NewNoticeFile(log)
	for _, n := range notices {
		assert.NilError(t, file.Add(n))
	}
	assert.DeepEqual(t, handoff.ParseNotices(content(t, log)), notices)
	assert.Assert(t, is.Equal(content(t, log), ""+
		"OutputPushFailed: output größer: Kontingent erschöpft\n"+
		"OutputPushed: oras.flow.svc:5000/out:latest@sha256:0123\n"+
		"InputsPulled: pulled 2 artifacts: 3 files\n"))
}

func TestTheOldestNoticesMakeRoomForNewOnes(t *testing.T) {
	log := terminationLog(t)
	file := handoff.NewNoticeFile(log)
	for i := range 1000 {
		message := fmt.Sprintf("output %d%s", i, strings.Repeat(" é", i%500))
		assert.NilError(t, file.Add(handoff.Notice{Reason: handoff.ReasonOutputPushed, Message: message}))

		text := content(t, log)
		assert.Assert(t, len(text) <= handoff.MaxNotices, "%d bytes", len(text))
		assert.Assert(t, utf8.ValidString(text))
		notices := handoff.ParseNotices(text)
		newest := notices[len(notices)-1]
		assert.Assert(t, strings.HasPrefix(newest.Message, fmt.Sprintf("output %d", i)))
		if left := i + 1 - len(notices); left > 0 {
			assert.Assert(t, is.Contains(text, fmt.Sprintf("\n(and %d before these)\n", left)))
		}
	}
}

func TestANoticeIsOneLineOfBoundedLength(t *testing.T) {
	tests := map[string]struct{ text, want string }{
		"line ends and tabs become spaces": {"no space\nleft\r\n\ton device\n", "no space left on device"},
		"control characters go":            {"a\x1b[31mb\x00c", "a [31mb c"},
		"what is no UTF-8 is replaced":     {"name \xff\xfe", "name �"},
		"the longest that fits is whole":   {strings.Repeat("x", handoff.MaxNoticeText), strings.Repeat("x", handoff.MaxNoticeText)},
		"one byte more is cut":             {strings.Repeat("x", handoff.MaxNoticeText+1), strings.Repeat("x", handoff.MaxNoticeText-3) + "…"},
		"a character is cut as a whole":    {"x" + strings.Repeat("é", handoff.MaxNoticeText), "x" + strings.Repeat("é", handoff.MaxNoticeText/2-2) + "…"},
	}
	for name, tc := range tests {
		t.Run(name, func(t *testing.T) {
			n := handoff.NewNotice(handoff.ReasonInputPullFailed, tc.text)
			assert.Equal(t, n.Message, tc.want)

			log := terminationLog(t)
			raw := handoff.Notice{Reason: handoff.ReasonInputPullFailed, Message: tc.text}
			assert.NilError(t, handoff.NewNoticeFile(log).Add(raw))
			assert.DeepEqual(t, handoff.ParseNotices(content(t, log)), []handoff.Notice{n})
		})
	}
}

func TestWhatIsNoNoticeIsIgnored(t *testing.T) {
	tests := map[string]string{
		"nothing":                        "",
		"the log of a sidecar that died": "time=2026-01-02T03:04:05Z level=ERROR msg=\"OutputPushed: no\"\n",
		"a reason of a later version":    "OutputSigned: oras:5000/out:latest\n",
		"a reason alone":                 "OutputPushed\n",
		"a notice that says nothing":     "OutputPushed:  \n",
		"a notice that was cut":          "OutputPushed: oras.flow.svc:5000/out:la",
		"the count of those before":      "(and 7 before these)\n",
	}
	for name, text := range tests {
		t.Run(name, func(t *testing.T) {
			assert.Assert(t, is.Len(handoff.ParseNotices(text), 0))
			known := "InputsPulled: all of them\n"
			want := []handoff.Notice{{Reason: handoff.ReasonInputsPulled, Message: "all of them"}}
			assert.DeepEqual(t, handoff.ParseNotices(known+text), want)
		})
	}
}

func TestTheFileOfNoticesIsNeverCreated(t *testing.T) {
	path := filepath.Join(t.TempDir(), "termination-log")
	file := handoff.NewNoticeFile(path)
	first := handoff.Notice{Reason: handoff.ReasonInputsPulled, Message: "first"}
	assert.ErrorIs(t, file.Add(first), fs.ErrNotExist)
	_, err := os.Stat(path)
	assert.ErrorIs(t, err, fs.ErrNotExist)
}

// The kubelet mounts the file itself: what is renamed over it, or made anew, the kubelet would never see.
func TestTheFileOfNoticesStaysTheSameFile(t *testing.T) {
	log := terminationLog(t)
	assert.NilError(t, os.WriteFile(log, []byte(strings.Repeat("old\n", 2000)), 0o600))
	mounted, err := os.Open(log)
	assert.NilError(t, err)
	defer mounted.Close() //nolint:errcheck // only read from

	n := handoff.Notice{Reason: handoff.ReasonInputsPulled, Message: "new"}
	assert.NilError(t, handoff.NewNoticeFile(log).Add(n))

	seen := make([]byte, 100)
	size, err := mounted.Read(seen)
	assert.NilError(t, err)
	assert.Equal(t, string(seen[:size]), "InputsPulled: new\n")
}

func TestNoticesOfSeveralAttemptsAtOnceAreAllThere(t *testing.T) {
	log := terminationLog(t)
	file := handoff.NewNoticeFile(log)
	var attempts sync.WaitGroup
	for i := range 20 {
		attempts.Go(func() {
			n := handoff.Notice{Reason: handoff.ReasonOutputPushed, Message: fmt.Sprintf("output %02d", i)}
			if err := file.Add(n); err != nil {
				t.Error(err)
			}
		})
	}
	attempts.Wait()
	var got []string
	for _, n := range handoff.ParseNotices(content(t, log)) {
		got = append(got, n.Message)
	}
	slices.Sort(got)
	assert.Equal(t, len(slices.Compact(got)), 20)
}

func FuzzNoticesAreReadFromAnyText(f *testing.F) {
	f.Add("InputPullFailed: input a:b is not there\nOutputPushed: a: b\n(and 3 before these)\n")
	f.Add("OutputPushed: \xff\r\n")
	f.Fuzz(func(t *testing.T, text string) {
		log := terminationLog(t)
		file := handoff.NewNoticeFile(log)
		notices := handoff.ParseNotices(text)
		for _, n := range notices {
			assert.NilError(t, file.Add(n))
		}
		again := handoff.ParseNotices(content(t, log))
		assert.Assert(t, len(again) <= len(notices))
		assert.DeepEqual(t, again, notices[len(notices)-len(again):])
	})
}

// terminationLog is an empty file, as the kubelet makes it for a container.
func terminationLog(t *testing.T) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "termination-log")
	assert.NilError(t, os.WriteFile(path, nil, 0o600))
	return path
}

func content(t *testing.T, path string) string {
	t.Helper()
	data, err := os.ReadFile(path)
	assert.NilError(t, err)
	return string(data)
}
