package shim

import (
	"os"
	"strings"
	"unicode/utf8"
)

// maxTerminationMessage is what the kubelet keeps of a termination message, in bytes.
const maxTerminationMessage = 4096

// writeTerminationMessage leaves the sentence for kubectl describe. Where there is no such file, as in a plain shell,
// nobody would read it: it is not created.
func writeTerminationMessage(path, sentence string) error {
	f, err := os.OpenFile(path, os.O_WRONLY|os.O_TRUNC, 0)
	if err != nil {
		return err
	}
	if _, err := f.WriteString(truncate(sentence, maxTerminationMessage)); err != nil {
		f.Close() //nolint:errcheck // the write's error says more
		return err
	}
	return f.Close()
}

// truncate cuts s to at most limit bytes of whole characters.
func truncate(s string, limit int) string {
	if len(s) <= limit {
		return s
	}
	for limit > 0 && !utf8.RuneStart(s[limit]) {
		limit--
	}
	return strings.ToValidUTF8(s[:limit], "")
}
