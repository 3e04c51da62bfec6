package plan

import (
	"errors"
	"fmt"
	"strings"
)

// words takes a line apart at spaces as a shell does: quotes and backslashes keep what is between words, and nothing
// is expanded.
func words(line string) ([]string, error) {
	var (
		list []string
		word strings.Builder
		open bool // a word has begun, be it empty
	)
	rest := line
	for rest != "" {
		if strings.ContainsRune(" \t\n", rune(rest[0])) {
			if open {
				list = append(list, word.String())
			}
			word.Reset()
			open, rest = false, rest[1:]
			continue
		}
		part, after, err := piece(rest)
		if err != nil {
			return nil, err
		}
		word.WriteString(part)
		open, rest = true, after
	}
	if open {
		list = append(list, word.String())
	}
	return list, nil
}

// piece takes one byte of a word off the line, or what is in quotes, or what is behind a backslash.
func piece(line string) (part, rest string, err error) {
	switch line[0] {
	case '\'':
		part, rest, closed := strings.Cut(line[1:], "'")
		if !closed {
			return "", "", fmt.Errorf("the quote before %q is not closed; close it", line[1:])
		}
		return part, rest, nil
	case '"':
		return doubleQuoted(line[1:])
	case '\\':
		if len(line) == 1 {
			return "", "", errors.New(`it ends in a backslash; write \\ for the character itself`)
		}
		return line[1:2], line[2:], nil
	}
	return line[:1], line[1:], nil
}

// doubleQuoted reads up to the closing quote. A backslash is one but before another, a quote, a dollar or a backquote.
func doubleQuoted(line string) (part, rest string, err error) {
	var b strings.Builder
	for i := 0; i < len(line); i++ {
		switch {
		case line[i] == '"':
			return b.String(), line[i+1:], nil
		case line[i] == '\\' && i+1 < len(line) && strings.IndexByte("\\\"$`", line[i+1]) >= 0:
			i++
		}
		b.WriteByte(line[i])
	}
	return "", "", fmt.Errorf("the quote before %q is not closed; close it", line)
}
