// Package pages holds that what one page of the documentation links in this repository is there.
package pages

import (
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"gotest.tools/v3/assert"
)

// root is that of the repository.
const root = "../.."

var (
	code    = regexp.MustCompile("(?ms)^ *```.*?^ *```$|`[^`\n]*`")
	link    = regexp.MustCompile(`\]\(([^)\s]+)\)`)
	heading = regexp.MustCompile(`(?m)^#+ (.+)$`)
	dropped = regexp.MustCompile(`[^\p{L}\p{N} _-]`)
)

func TestEveryLinkLeadsToWhatIsThere(t *testing.T) {
	seen := 0
	for _, page := range pages(t) {
		for _, match := range link.FindAllStringSubmatch(code.ReplaceAllString(text(t, page), ""), -1) {
			if strings.Contains(match[1], "://") {
				continue
			}
			seen++
			path, section, _ := strings.Cut(match[1], "#")
			target := page
			if path != "" {
				target = filepath.Join(filepath.Dir(page), path)
			}
			_, err := os.Stat(target)
			assert.Check(t, err == nil, "%s links %s: %v", page, match[1], err)
			if err == nil && section != "" {
				assert.Check(t, sections(t, target)[section], "%s links %s, and there is no such section", page, match[1])
			}
		}
	}
	assert.Assert(t, seen > 20, "only %d links", seen)
}

// pages are the paths of all of them, but for what is built.
func pages(t *testing.T) []string {
	t.Helper()
	var paths []string
	built := []string{".git", "bin", "dist", "demo-out"}
	assert.NilError(t, filepath.WalkDir(root, func(path string, entry fs.DirEntry, err error) error {
		switch {
		case err != nil:
			return err
		case entry.IsDir() && filepath.Dir(path) == root && slices.Contains(built, entry.Name()):
			return fs.SkipDir
		case filepath.Ext(path) == ".md":
			paths = append(paths, path)
		}
		return nil
	}))
	return paths
}

// sections are those of a page, as a link names them: the heading in lower case with a dash for each space, without
// punctuation.
func sections(t *testing.T, page string) map[string]bool {
	t.Helper()
	names := map[string]bool{}
	for _, match := range heading.FindAllStringSubmatch(text(t, page), -1) {
		names[strings.ReplaceAll(dropped.ReplaceAllString(strings.ToLower(match[1]), ""), " ", "-")] = true
	}
	return names
}

func text(t *testing.T, page string) string {
	t.Helper()
	data, err := os.ReadFile(page)
	assert.NilError(t, err)
	return string(data)
}
