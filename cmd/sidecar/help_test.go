package main

import (
	"os/exec"
	"strings"
	"testing"

	"gotest.tools/v3/assert"
)

func TestTheExamplesOfTheHelpAreRight(t *testing.T) {
	root := newCommand()
	for _, cmd := range root.Commands() {
		t.Run(cmd.Name(), func(t *testing.T) {
			for line := range strings.SplitSeq(strings.ReplaceAll(cmd.Example, "\\\n", " "), "\n") {
				args := words(t, line)
				assert.Equal(t, args[0], "sidecar")
				found, rest, err := newCommand().Find(args[1:])
				assert.NilError(t, err)
				assert.Equal(t, found.Name(), cmd.Name())
				assert.NilError(t, found.ParseFlags(rest))
				assert.NilError(t, found.ValidateArgs(found.Flags().Args()), line)
				for _, arg := range found.Flags().Args() {
					if strings.Contains(arg, ":") {
						_, err := parseHost(arg)
						assert.NilError(t, err)
					}
				}
			}
		})
	}
}

// words are those of a command line as a shell takes it, up to what follows a pipe.
func words(t *testing.T, line string) []string {
	t.Helper()
	line, _, _ = strings.Cut(line, "|")
	line, _, _ = strings.Cut(line, "<")
	out, err := exec.Command("sh", "-c", `printf '%s\0' `+line).Output()
	assert.NilError(t, err)
	return strings.Split(strings.TrimSuffix(string(out), "\x00"), "\x00")
}
