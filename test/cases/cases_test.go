// Package cases holds the tables of test/README.md, which say by which tests each case and the outcome of each fault is
// proven, against the tests that there are.
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

// lastCase is the highest number of a case; the table has all of them.
const lastCase = 87

var (
	row        = regexp.MustCompile(`(?m)^\| E(\d+) \| [^|]+ \| ([^|]+) \|$`)
	fault      = regexp.MustCompile(`(?m)^\| ([^|]+) \| ([^|]+) \|$`)
	named      = regexp.MustCompile("`(Test\\w+)`")
	definition = regexp.MustCompile(`(?m)^func (Test\w+)\(`)
)

func TestEveryCaseHasATestThatExists(t *testing.T) {
	readme, err := os.ReadFile("../README.md")
	assert.NilError(t, err)
	there := tests(t, "../..")
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
	for name := range tests(t, "../..") {
		var n int
		if _, err := fmt.Sscanf(name, "TestE%d", &n); err == nil && n <= lastCase {
			assert.Check(t, strings.Contains(string(readme), "`"+name+"`"), "%s is not in the table", name)
		}
	}
}

func TestEveryFaultHasTestsOnTheClusterAndEverySuchTestIsOfAFault(t *testing.T) {
	readme, err := os.ReadFile("../README.md")
	assert.NilError(t, err)
	there := tests(t, "../e2e")
	proven := map[string]bool{}
	for _, match := range fault.FindAllStringSubmatch(rows(string(readme), faultsHeading), -1) {
		names := named.FindAllStringSubmatch(match[2], -1)
		assert.Check(t, len(names) > 0, "nothing proves what it leads to that %s", match[1])
		for _, name := range names {
			assert.Check(t, there[name[1]] && strings.HasPrefix(name[1], "TestFault"), "%s is no TestFault of test/e2e", name[1])
			proven[name[1]] = true
		}
	}
	for name := range there {
		assert.Check(t, proven[name] || !strings.HasPrefix(name, "TestFault"), "%s is not in the table of faults", name)
	}
}

// faultsHeading is above the table of faults.
const faultsHeading = "## Which test proves what each fault leads to\n"

// rows are those of the table below a heading.
func rows(text, heading string) string {
	_, below, _ := strings.Cut(text, heading)
	below, _, _ = strings.Cut(below, "\n## ")
	_, below, _ = strings.Cut(below, "| --- | --- |\n")
	return below
}

// tests are the names of all test functions below a directory.
func tests(t *testing.T, dir string) map[string]bool {
	t.Helper()
	names := map[string]bool{}
	err := filepath.WalkDir(dir, func(path string, d fs.DirEntry, err error) error {
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
