package handoff

import (
	"fmt"
	"slices"
	"strings"
	"sync"
	"unicode"
	"unicode/utf8"
)

// Reason is what a notice is about, as Events have reasons: one word for programs.
type Reason string

// The reasons of notices.
const (
	ReasonInputsPulled     Reason = "InputsPulled"     // all inputs are in place
	ReasonInputPullFailed  Reason = "InputPullFailed"  // an input cannot be had
	ReasonOutputPushed     Reason = "OutputPushed"     // an output is in the registry
	ReasonOutputPushFailed Reason = "OutputPushFailed" // an output cannot be pushed
	ReasonOutputIncomplete Reason = "OutputIncomplete" // an output was pushed as far as it could be reached without its shim
	ReasonOutputUnwrapped  Reason = "OutputUnwrapped"  // an output was pushed when its pod ended, whatever its command did
)

// Bounds of notices, in bytes.
const (
	// MaxNotices is what the kubelet keeps of a termination message.
	MaxNotices = 4096
	// MaxNoticeText bounds the sentence of one notice, so that one cannot crowd out all others, and so that it fits with
	// the name of a container into the note of an Event, whose limit is 1024.
	MaxNoticeText = 900
)

// Notice is what a sidecar leaves for people, and for the operator, which makes an Event of it.
type Notice struct {
	Reason  Reason
	Message string // one sentence
}

// NewNotice makes a notice of a text, which becomes one line of valid UTF-8 of at most MaxNoticeText bytes.
func NewNotice(reason Reason, text string) Notice {
	words := strings.FieldsFunc(strings.ToValidUTF8(text, "�"), func(r rune) bool {
		return unicode.IsSpace(r) || unicode.IsControl(r)
	})
	return Notice{Reason: reason, Message: cut(strings.Join(words, " "), MaxNoticeText)}
}

// cut shortens valid UTF-8 to at most limit bytes, which hold at least the ellipsis that it then ends with.
func cut(text string, limit int) string {
	const ellipsis = "…"
	if len(text) <= limit {
		return text
	}
	end := limit - len(ellipsis)
	for !utf8.RuneStart(text[end]) {
		end--
	}
	return text[:end] + ellipsis
}

func (n Notice) line() string { return string(n.Reason) + ": " + n.Message + "\n" }

// NoticeFile is the termination message of a sidecar, the newest notice first. It may be written to concurrently.
type NoticeFile struct {
	path string

	mu      sync.Mutex
	lines   []string // newest first
	dropped int      // older ones that had to go
}

// NewNoticeFile returns the notices of a sidecar that has left none yet in the file at path.
func NewNoticeFile(path string) *NoticeFile { return &NoticeFile{path: path} }

// Add leaves one more notice; the oldest make room for it. Where there is no such file, as in a plain shell, nobody would
// read it: it is not created, and the error is fs.ErrNotExist.
func (f *NoticeFile) Add(n Notice) error {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.lines = slices.Insert(f.lines, 0, NewNotice(n.Reason, n.Message).line())
	for len(f.text()) > MaxNotices {
		f.lines = f.lines[:len(f.lines)-1]
		f.dropped++
	}
	if err := overwrite(f.path, f.text()); err != nil {
		return fmt.Errorf("leaving a notice: %w", err)
	}
	return nil
}

// text is the content of the file. Its last line, where there were more, is no notice.
func (f *NoticeFile) text() string {
	text := strings.Join(f.lines, "")
	if f.dropped > 0 {
		text += fmt.Sprintf("(and %d before these)\n", f.dropped)
	}
	return text
}

// ParseNotices returns the notices in a termination message, oldest first, and ignores what else there is. The kubelet
// may have cut the message anywhere: a line without its end is none.
func ParseNotices(message string) []Notice {
	var notices []Notice
	for line := range strings.Lines(message) {
		if n, ok := parseNotice(line); ok {
			notices = append(notices, n)
		}
	}
	slices.Reverse(notices)
	return notices
}

func parseNotice(line string) (Notice, bool) {
	line, whole := strings.CutSuffix(line, "\n")
	reason, text, _ := strings.Cut(line, ": ")
	n := NewNotice(Reason(reason), text)
	return n, whole && n.Message != "" && slices.Contains(reasons(), n.Reason)
}

func reasons() []Reason {
	return []Reason{
		ReasonInputsPulled, ReasonInputPullFailed,
		ReasonOutputPushed, ReasonOutputPushFailed, ReasonOutputIncomplete, ReasonOutputUnwrapped,
	}
}
