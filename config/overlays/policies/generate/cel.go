package main

import (
	"strconv"
	"strings"

	"github.com/converged-computing/oras-operator/pkg/apis/v1alpha1"
)

// text is a string literal of CEL.
func text(s string) string { return strconv.Quote(s) }

// texts is a list of string literals.
func texts(list []string) string {
	quoted := make([]string, len(list))
	for i, s := range list {
		quoted[i] = text(s)
	}
	return "[" + strings.Join(quoted, ", ") + "]"
}

// pattern is a raw string literal for a regular expression, of which none has a quote in it.
func pattern(expression string) string { return "r'" + expression + "'" }

// prefixed is the literal of a whole label or annotation.
func prefixed(key string) string { return text(v1alpha1.KeyPrefix + key) }

// userKey is true of a label or annotation k that users have set.
func userKey() string {
	return "k.startsWith(" + prefixed("") + ") && !(k in " + texts([]string{v1alpha1.StatusAnnotation, v1alpha1.InjectedLabel}) + ")"
}

// quoted is the literal that a value is shown as, cut where it is long.
func quoted(value string) string {
	return "strings.quote(" + value + ".size() > 64 ? " + value + ".substring(0, 64) + '…' : " + value + ")"
}

// choose is a chain of conditions, each before what is said where it is the first that is true; nothing where none is.
func choose(cases []answer) string {
	var b strings.Builder
	for _, c := range cases {
		b.WriteString(c.when + " ?\n  " + c.says + " :\n")
	}
	return b.String() + "''"
}

// answer is two expressions: a condition, and a text.
type answer struct{ when, says string }
