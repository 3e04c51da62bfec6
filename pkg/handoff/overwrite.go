package handoff

import "os"

// overwrite makes text the content of a file that is there, and cannot be renamed over since it is mounted by itself. It
// writes first and shortens then: whoever is killed in between leaves the whole of text, and at worst the end of what
// was there after it.
func overwrite(path, text string) error {
	f, err := os.OpenFile(path, os.O_WRONLY, 0)
	if err != nil {
		return err
	}
	if _, err := f.WriteString(text); err != nil {
		f.Close() //nolint:errcheck // the write's error says more
		return err
	}
	if err := f.Truncate(int64(len(text))); err != nil {
		f.Close() //nolint:errcheck // the truncation's error says more
		return err
	}
	return f.Close()
}
