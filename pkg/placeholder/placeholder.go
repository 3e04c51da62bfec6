// Package placeholder fills in the {name} parts of artifacts and paths: partly when a pod is admitted, the rest by what
// runs in it. A text with placeholders in it stays one until Finish: in it, {{ is a literal brace.
package placeholder

import (
	"fmt"
	"slices"
	"strings"
)

// The names.
const (
	Namespace = "namespace" // of the pod
	Pod       = "pod"       // name of the pod
	Job       = "job"       // name of the pod's Job
	Index     = "index"     // completion index of the pod in an indexed Job
	Container = "container" // name of the wrapped container
	Attempt   = "attempt"   // of the container in its pod, from 1
)

// Values are what placeholders stand for, by name.
type Values map[string]string

// names lists all of them.
func names() []string { return []string{Namespace, Pod, Job, Index, Container, Attempt} }

// Check says what is wrong with a text: a placeholder that does not exist, or a brace that is not closed.
func Check(text string) error {
	return walk(text, func(string) {}, func(name string) error {
		if slices.Contains(names(), name) || isRange(name) {
			return nil
		}
		return fmt.Errorf("{%s} is no placeholder; there are {%s}, and {{ for a literal brace", name, strings.Join(names(), "}, {"))
	})
}

// In lists the placeholders of a text, ranges left out, in order.
func In(text string) []string {
	var found []string
	_ = walk(text, func(string) {}, func(name string) error { // Check tells of mistakes
		if !isRange(name) {
			found = append(found, name)
		}
		return nil
	})
	return found
}

// Escape returns a text that Finish turns into this one.
func Escape(literal string) string { return strings.ReplaceAll(literal, "{", "{{") }

// Fill replaces the placeholders that have a value. What it returns still is a text with placeholders in it.
func Fill(text string, values Values) string {
	var b strings.Builder
	err := walk(text, func(literal string) { b.WriteString(Escape(literal)) }, func(name string) error {
		if value, known := values[name]; known {
			b.WriteString(Escape(value))
		} else {
			b.WriteString("{" + name + "}")
		}
		return nil
	})
	if err != nil {
		return text
	}
	return b.String()
}

// Finish replaces every placeholder, and {{ by the brace it stands for. One without a value, or a range, is an error.
func Finish(text string, values Values) (string, error) {
	var b strings.Builder
	err := walk(text, func(literal string) { b.WriteString(literal) }, func(name string) error {
		value, known := values[name]
		if !known {
			return fmt.Errorf("{%s} is not known here", name)
		}
		b.WriteString(value)
		return nil
	})
	if err != nil {
		return "", fmt.Errorf("filling in %q: %w", text, err)
	}
	return b.String(), nil
}

// walk calls literal and name for the parts of a text in order.
func walk(text string, literal func(string), name func(string) error) error {
	for {
		before, after, found := strings.Cut(text, "{")
		literal(before)
		if !found {
			return nil
		}
		if rest, escaped := strings.CutPrefix(after, "{"); escaped {
			literal("{")
			text = rest
			continue
		}
		inner, rest, closed := strings.Cut(after, "}")
		if !closed {
			return fmt.Errorf("{%s is not closed; write {{ for a literal brace", after)
		}
		if err := name(inner); err != nil {
			return err
		}
		text = rest
	}
}
