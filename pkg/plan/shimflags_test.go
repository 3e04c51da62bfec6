package plan_test

import (
	"strings"
	"testing"

	"gotest.tools/v3/assert"

	"github.com/converged-computing/oras-operator/pkg/plan"
)

func TestShimFlagsAreTakenApartAsAShellDoes(t *testing.T) {
	for name, tc := range map[string]struct {
		line string
		want []string
	}{
		"with and without =":              {"--log-level debug --log-format=json", []string{"--log-level=debug", "--log-format=json"}},
		"with one dash, and many spaces":  {"  -lend\t bytes\n --no-wait ", []string{"--lend=bytes", "--no-wait=true"}},
		"quotes keep spaces":              {`--stdout-to "a b" --stdout-to='c "d'`, []string{"--stdout-to=a b", `--stdout-to=c "d`}},
		"a word may be quoted in part":    {`--stdout-to="a "b' c'\ d`, []string{"--stdout-to=a b c d"}},
		"backslashes in quotes":           {`--stdout-to="a\"b\c" --stdout-to='a\b'`, []string{`--stdout-to=a"b\c`, `--stdout-to=a\b`}},
		"nothing is expanded":             {`--stdout-to=$HOME/~`, []string{"--stdout-to=$HOME/~"}},
		"bounds, a breakpoint or two":     {"--wait-timeout=0 --grace-period 5s --breakpoint=before,on-failure", []string{"--wait-timeout=0", "--grace-period=5s", "--breakpoint=before,on-failure"}},
		"a flag that takes no value":      {"--dry-run --no-hold=false", []string{"--dry-run=true", "--no-hold=false"}},
		"no flags at all":                 {" ", nil},
		"the path of a flag is made tidy": {"--stdout-to=./a//{pod}", []string{"--stdout-to=a/{pod}"}},
	} {
		t.Run(name, func(t *testing.T) {
			p, _, err := parseShimFlags(tc.line)
			assert.NilError(t, err)
			assert.DeepEqual(t, p.ShimFlags, tc.want)
		})
	}
}

// Every mistake names its key and the flag and says what to do.
func TestMistakesInShimFlagsAreNamed(t *testing.T) { // E56
	for name, tc := range map[string]struct{ line, want string }{
		"the container":               {"--container=x", "holds --container=x, which only the operator may set, or is none at all; there are --log-level, --log-format,"},
		"the directory of records":    {"--run-dir /tmp", "holds --run-dir, which only the operator may set"},
		"the record of the end":       {"--done-file=/tmp/x", "holds --done-file=/tmp/x, which only the operator may set"},
		"the end of the flags":        {"-- sh", "holds --, which only the operator may set"},
		"a flag that does not exist":  {"--verbose", "holds --verbose, which only the operator may set"},
		"a word that is no flag":      {"--no-wait false", `holds "false", which is no flag; write --name=value`},
		"a flag without its value":    {"--log-level", "holds --log-level without a value; write --log-level=value"},
		"a flag with an empty value":  {"--stdout-to=", "holds --stdout-to without a value"},
		"a level that does not exist": {"--log-level=loud", `"loud" is not one of debug, info, warn, error; write one of them`},
		"a format that does not":      {"--log-format=xml", `"xml" is not one of text, json`},
		"a breakpoint that does not":  {"--breakpoint=before,never", `"never" is not one of before, after, on-failure`},
		"a way to lend that does not": {"--lend=copies", `"copies" is not one of descriptors, bytes`},
		"a bound that is no time":     {"--push-timeout=10", "write a number with a unit (s, m or h), such as 10m"},
		"a bound below zero":          {"--stall-timeout=-1s", "no duration of zero or more"},
		"neither true nor false":      {"--dry-run=yes", "leave the value out for true"},
		"an open quote":               {`--stdout-to="a`, "is not closed; close it"},
		"an open single quote":        {`--stdout-to='a`, "is not closed; close it"},
		"a backslash at the end":      {`--stdout-to=a\`, "ends in a backslash"},
		"a path of the operator's":    {"--stdout-to=/oras/run/x", "belongs to the operator"},
		"a placeholder of no flag":    {"--log-level={pod}", `"{pod}" is not one of debug`},
		"a placeholder of nothing":    {"--stdout-to={x}", "{x} is no placeholder"},
	} {
		t.Run(name, func(t *testing.T) {
			_, _, err := parseShimFlags(tc.line)
			assert.ErrorContains(t, err, tc.want)
			assert.Assert(t, strings.HasPrefix(err.Error(), `shim-flags: "`), err.Error())
			assert.Equal(t, strings.Count(err.Error(), "\n"), 0, "one mistake is one sentence: %v", err)
		})
	}
}

func parseShimFlags(line string) (plan.Plan, []string, error) {
	return plan.Parse(plan.Metadata{Annotations: keys(map[string]string{"oras-cache": "oras", "output-uri": "a", "shim-flags": line})})
}
