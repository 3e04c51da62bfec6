// Package cases holds the table of test/README.md, which says by which tests each case is proven, against the tests that
// there are.
package cases

import (
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"gotest.tools/v3/assert"
)

// lastCase is the highest number whose group of cases is built; the table has all up to it.
const lastCase = 47

var (
	row        = regexp.MustCompile(`(?m)^\| E(\d+) \| [^|]+ \| ([^|]+) \|$`)
	named      = regexp.MustCompile("`(Test\\w+)`")
	definition = regexp.MustCompile(`(?m)^func (Test\w+)\(`)
)

func TestEveryCaseHasATestThatExists(t *testing.T) {
	readme, err := os.ReadFile("../README.md")
	assert.NilError(t, err)
	there := tests(t)
	proven := map[string][]string{}
	for _, match := range row.FindAllStringSubmatch(string(readme), -1) {
		for _, name := range named.FindAllStringSubmatch(match[2], -1) {
			assert.Check(t, there[name[1]], "case E%s names %s, which is no test", match[1], name[1])
			proven[match[1]] = append(proven[match[1]], name[1])
		}
	}
	for n := 1; n <= lastCase; n++ {
		assert.Check(t, len(proven[fmt.Sprint(n)]) > 0, "case E%d has no test in the table", n)
	}
}

func TestEveryTestThatIsNamedAfterACaseIsInTheTable(t *testing.T) {
	readme, err := os.ReadFile("../README.md")
	assert.NilError(t, err)
	for name := range tests(t) {
		var n int
		if _, err := fmt.Sscanf(name, "TestE%d", &n); err == nil && n <= lastCase {
			assert.Check(t, strings.Contains(string(readme), "`"+name+"`"), "%s is not in the table", name)
		}
	}
}

// tests are the names of all test functions of the module.
func tests(t *testing.T) map[string]bool {
	t.Helper()
	names := map[string]bool{}
	err := filepath.WalkDir("../..", func(path string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() || !strings.HasSuffix(path, "_test.go") {
			return err
		}
		text, err := os.ReadFile(path)
		for _, match := range definition.FindAllStringSubmatch(string(text), -1) {
			names[match[1]] = true
		}
		return err
	})
	assert.NilError(t, err)
	return names
}
