package placeholder

import (
	"fmt"
	"strconv"
	"strings"
)

// isRange tells whether the inner part of {a..b} is a range of numbers.
func isRange(inner string) bool {
	_, _, ok := bounds(inner)
	return ok
}

// bounds takes a range apart: both ends belong to it. Numbers have no leading zeros.
func bounds(inner string) (first, last int, ok bool) {
	a, b, found := strings.Cut(inner, "..")
	if !found {
		return 0, 0, false
	}
	first, errFirst := strconv.Atoi(a)
	last, errLast := strconv.Atoi(b)
	plain := strconv.Itoa(first) == a && strconv.Itoa(last) == b
	return first, last, errFirst == nil && errLast == nil && plain && first >= 0
}

// HasRange tells whether a text holds a range {a..b}.
func HasRange(text string) bool {
	found := false
	_ = walk(text, func(string) {}, func(name string) error { // Check tells of mistakes
		found = found || isRange(name)
		return nil
	})
	return found
}

// FirstOfRanges is the first of the texts that [Ranges] returns, with the same errors, at the cost of one text.
func FirstOfRanges(text string, limit int) (string, error) {
	var first strings.Builder
	texts := 1
	err := walk(text, func(literal string) { first.WriteString(Escape(literal)) }, func(name string) error {
		from, to, ok := bounds(name)
		if !ok {
			first.WriteString("{" + name + "}")
			return nil
		}
		if err := checkRange(name, texts, limit); err != nil {
			return err
		}
		texts *= to - from + 1
		first.WriteString(strconv.Itoa(from))
		return nil
	})
	if err != nil {
		return "", err
	}
	return first.String(), nil
}

// checkRange finds a range that ends before it starts, or of which every one of so many texts would make more than limit.
func checkRange(name string, texts, limit int) error {
	first, last, _ := bounds(name)
	switch {
	case last < first:
		return fmt.Errorf("{%s} ends before it starts", name)
	case last-first >= limit || texts*(last-first+1) > limit:
		return fmt.Errorf("{%s} makes more than %d artifacts", name, limit)
	}
	return nil
}

// Ranges returns the texts that a text with ranges stands for, in order, the first range changing slowest; the text
// itself if it has none. Placeholders are left alone. More than limit texts, or a range that ends before it starts, are
// an error.
func Ranges(text string, limit int) ([]string, error) {
	texts := []string{""}
	add := func(part string) {
		for i := range texts {
			texts[i] += part
		}
	}
	err := walk(text, func(literal string) { add(Escape(literal)) }, func(name string) error {
		first, last, ok := bounds(name)
		if !ok {
			add("{" + name + "}")
			return nil
		}
		if err := checkRange(name, len(texts), limit); err != nil {
			return err
		}
		grown := make([]string, 0, len(texts)*(last-first+1))
		for _, t := range texts {
			for n := first; n <= last; n++ {
				grown = append(grown, t+strconv.Itoa(n))
			}
		}
		texts = grown
		return nil
	})
	if err != nil {
		return nil, err
	}
	return texts, nil
}
