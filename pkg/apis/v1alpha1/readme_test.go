package v1alpha1_test

import (
	"fmt"
	"os"
	"strings"
	"testing"

	"gotest.tools/v3/assert"
	"gotest.tools/v3/golden"

	"github.com/converged-computing/oras-operator/pkg/apis/v1alpha1"
)

// The table of keys in config/README.md is written from the code: go test ./pkg/apis/v1alpha1 -update does it anew.
func TestTheTableOfKeysIsWhatTheCodeHas(t *testing.T) {
	const (
		readme     = "../../../config/README.md"
		begin, end = "<!-- keys: written by go test ./pkg/apis/v1alpha1 -update -->\n", "<!-- end of keys -->\n"
	)
	text, err := os.ReadFile(readme)
	assert.NilError(t, err)
	before, rest, found := strings.Cut(string(text), begin)
	assert.Assert(t, found)
	old, after, found := strings.Cut(rest, end)
	assert.Assert(t, found)
	if golden.FlagUpdate() {
		assert.NilError(t, os.WriteFile(readme, []byte(before+begin+table()+end+after), 0o600))
		return
	}
	assert.Equal(t, old, table())
}

func table() string {
	var b strings.Builder
	b.WriteString("| key | value | default | example | meaning |\n| --- | --- | --- | --- | --- |\n")
	for _, key := range v1alpha1.Keys() {
		meaning := key.Meaning
		if key.Support == v1alpha1.KeyPlanned {
			meaning += " (not in this version)"
		}
		fmt.Fprintf(&b, "| %s | %s | %s | %s | %s |\n", names(key), cell(key.Value), cell(key.Default), code(key.Example), cell(meaning))
	}
	return b.String()
}

// names are the key and, where there is one, its numbered form.
func names(key v1alpha1.Key) string {
	if key.Numbered {
		return code(key.Name) + ", " + code(key.Name+"_N")
	}
	return code(key.Name)
}

func code(text string) string {
	if text == "" {
		return ""
	}
	return "`" + text + "`"
}

func cell(text string) string { return strings.ReplaceAll(text, "|", `\|`) }
