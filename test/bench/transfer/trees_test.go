package main

import (
	"bytes"
	"compress/gzip"
	"io"
	"os"
	"path/filepath"
	"testing"

	"gotest.tools/v3/assert"
)

func TestTreesHaveTheSizesOfTheirScale(t *testing.T) {
	for name, test := range map[string]struct {
		make  maker
		scale int
		want  census
	}{
		"one file":                  {one("f", 10*mib, random), 10, census{1, mib}},
		"one file that stays":       {one("f", 10*mib, newText()), gib, census{1, kib}},
		"many files":                {files(20, kib, newText()), 2, census{10, 10 * kib}},
		"many files of which few":   {files(20, kib, newText()), 1000, census{4, 4 * kib}},
		"one file of many":          {files(1, kib, random), 1, census{1, kib}},
		"many files in directories": {nested(6, 5, kib, random), 2, census{15, 15 * kib}},
		"holes":                     {holes(8, mib), 2, census{4, 4 * mib}},
		"a hole":                    {hole(10 * gib), 1, census{1, 10 * gib}},
		"two trees":                 {both(one("large", mib, random), files(4, kib, random)), 1, census{5, mib + 4*kib}},
	} {
		t.Run(name, func(t *testing.T) {
			dir := t.TempDir()
			assert.NilError(t, test.make(dir, test.scale))
			got, err := count(dir)
			assert.NilError(t, err)
			assert.Equal(t, got, test.want)
		})
	}
}

func TestHolesTakeNextToNothingAndDiffer(t *testing.T) {
	dir := t.TempDir()
	assert.NilError(t, holes(4, mib)(dir, 1))
	assert.Assert(t, allocated(dir) < mib, allocated(dir))
	same, err := new(comparison).equal(numbered(dir, 0), numbered(dir, 1))
	assert.NilError(t, err)
	assert.Assert(t, !same)
}

func TestTreesAreTheSameEveryTimeAndVariantsAreNot(t *testing.T) {
	for name, of := range map[string]content{"random": random, "text": newText()} {
		t.Run(name, func(t *testing.T) {
			plant := nested(2, 3, kib, of)
			change := rewrite(directory(1), 2, kib, of)
			a, b := t.TempDir(), t.TempDir()
			assert.NilError(t, plant(a, 1))
			assert.NilError(t, plant(b, 1))
			assert.NilError(t, sameContent(a, b))
			assert.NilError(t, change(a, 0))
			assert.NilError(t, change(b, 1))
			for i, want := range []bool{false, false, true} {
				same, err := new(comparison).equal(numbered(filepath.Join(a, directory(1)), i), numbered(filepath.Join(b, directory(1)), i))
				assert.NilError(t, err)
				assert.Equal(t, same, want, i)
			}
			assert.NilError(t, change(a, 1))
			assert.NilError(t, sameContent(a, b))
			assert.NilError(t, rewriteFile("dir-000/file-000000", kib, of)(b, 0))
			assert.ErrorContains(t, sameContent(a, b), "other content")
		})
	}
}

func TestTextShrinksAndRandomDoesNot(t *testing.T) {
	for name, test := range map[string]struct {
		of          content
		least, most float64
	}{
		"text":   {newText(), 0.3, 0.5},
		"random": {random, 1, 1.01},
	} {
		t.Run(name, func(t *testing.T) {
			var out bytes.Buffer
			z := gzip.NewWriter(&out)
			_, err := io.CopyN(z, test.of(1), mib)
			assert.NilError(t, err)
			assert.NilError(t, z.Close())
			share := float64(out.Len()) / mib
			assert.Assert(t, share >= test.least && share <= test.most, share)
		})
	}
}

func TestWhatWasPulledIsHeldAgainstWhatWasPushed(t *testing.T) {
	for name, test := range map[string]struct {
		change     func(dir string) error
		size, byte string // what the checks say
	}{
		"the same":        {func(string) error { return nil }, "", ""},
		"a file too few":  {func(dir string) error { return os.Remove(numbered(dir, 0)) }, "3 files", "no such file"},
		"a byte too few":  {func(dir string) error { return os.Truncate(numbered(dir, 0), kib-1) }, "4095 bytes", "other content"},
		"other content":   {rewriteOnce, "", "other content"},
		"a file too many": {func(dir string) error { return os.WriteFile(filepath.Join(dir, "x"), nil, 0o644) }, "5 files", ""},
	} {
		t.Run(name, func(t *testing.T) {
			a, b := t.TempDir(), t.TempDir()
			assert.NilError(t, files(4, kib, random)(a, 1))
			assert.NilError(t, files(4, kib, random)(b, 1))
			assert.NilError(t, test.change(b))
			says(t, sameSize(a, b), test.size)
			says(t, sameContent(a, b), test.byte)
		})
	}
}

func rewriteOnce(dir string) error { return rewrite("", 1, kib, random)(dir, 0) }

// says is that an error says something, or that there is none.
func says(t *testing.T, err error, what string) {
	t.Helper()
	if what == "" {
		assert.NilError(t, err)
		return
	}
	assert.ErrorContains(t, err, what)
}
