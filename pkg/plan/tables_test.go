package plan_test

import (
	"fmt"
	"os"
	"slices"
	"strconv"
	"strings"
	"testing"

	"gotest.tools/v3/assert"
	"gotest.tools/v3/golden"

	"github.com/converged-computing/oras-operator/pkg/apis/v1alpha1"
)

// The tables of config/steps.md are written from the code: go test ./pkg/plan -run Tables -update does it anew.
func TestTheTablesOfKeysAreWhatTheCodeHas(t *testing.T) {
	const page = "../../config/steps.md"
	text, err := os.ReadFile(page)
	assert.NilError(t, err)
	want := string(text)
	for name, table := range map[string]string{"keys": table(), "mistakes": mistakesTable()} {
		begin, end := "<!-- "+name+": written by go test ./pkg/plan -run Tables -update -->\n", "<!-- end of "+name+" -->\n"
		before, rest, found := strings.Cut(want, begin)
		assert.Assert(t, found, name)
		_, after, found := strings.Cut(rest, end)
		assert.Assert(t, found, name)
		want = before + begin + table + end + after
	}
	if golden.FlagUpdate() {
		assert.NilError(t, os.WriteFile(page, []byte(want), 0o600))
		return
	}
	assert.Equal(t, string(text), want)
}

func table() string {
	var b strings.Builder
	b.WriteString("| key | value | default | example | meaning |\n| --- | --- | --- | --- | --- |\n")
	for _, key := range v1alpha1.Keys() {
		fmt.Fprintf(&b, "| %s | %s | %s | %s | %s |\n", names(key), cell(key.Value()), cell(key.Default), code(key.Example), cell(key.Meaning))
	}
	return b.String()
}

// mistakesTable shows every mistake that can be made in one key, in the order of the keys, with its error.
func mistakesTable() string {
	type row struct {
		rank, key, value, err string
	}
	var rows []row
	for name, m := range mistakes() {
		base, _, _ := strings.Cut(m.key, "_")
		rank := slices.IndexFunc(v1alpha1.Keys(), func(key v1alpha1.Key) bool { return key.Name == base })
		rows = append(rows, row{fmt.Sprintf("%03d %s", rank, name), m.key, m.value, m.parse().Error()})
	}
	slices.SortFunc(rows, func(a, b row) int { return strings.Compare(a.rank, b.rank) })
	var b strings.Builder
	b.WriteString("| key | value | error |\n| --- | --- | --- |\n")
	for _, r := range rows {
		long := abridge(r.value)
		fmt.Fprintf(&b, "| `%s` | %s | %s |\n", r.key, cell(code(strings.Trim(strconv.Quote(long), `"`))), cell(strings.ReplaceAll(r.err, r.value, long)))
	}
	return b.String()
}

// abridge shortens what is wrong by being long.
func abridge(text string) string {
	const most = 60
	if len(text) <= most {
		return text
	}
	return text[:20] + "…"
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
