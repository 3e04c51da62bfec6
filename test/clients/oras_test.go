package clients

import (
	"os"
	"path/filepath"

	"gotest.tools/v3/assert"
)

type oras struct{}

// to adds to args how the registry is reached.
func (oras) to(sh shell, args ...string) []string {
	if sh.ca == "" {
		return append(args, "--plain-http")
	}
	return append(args, "--ca-file", sh.ca)
}

func (oras) reach(shell, string) {}

func (c oras) login(sh shell, registry, user string) []string {
	return c.to(sh, "login", "-u", user, "--password-stdin", registry)
}

func (c oras) push(sh shell, ref, content string) []string {
	return c.to(sh, "push", ref, sh.write(fileName, content)+":text/plain")
}

func (c oras) pull(sh shell, ref string) []string { return c.to(sh, "pull", "-o", "out", ref) }

func (oras) pulled(sh shell, _ string) string {
	content, err := os.ReadFile(filepath.Join(sh.dir, "out", fileName))
	assert.NilError(sh.t, err)
	return string(content)
}

func (c oras) tags(sh shell, repository string) []string { return c.to(sh, "repo", "tags", repository) }

func (c oras) catalog(sh shell, registry string) []string { return c.to(sh, "repo", "ls", registry) }

func (c oras) digest(sh shell, ref string) []string { return c.to(sh, "resolve", ref) }

func (oras) copy(sh shell, from, to string) []string {
	if sh.ca == "" {
		return []string{"copy", "--from-plain-http", "--to-plain-http", from, to}
	}
	return []string{"copy", "--from-ca-file", sh.ca, "--to-ca-file", sh.ca, from, to}
}

func (c oras) remove(sh shell, ref string) []string {
	return c.to(sh, "manifest", "delete", "--force", ref)
}

// Without credentials oras does not show the registry's sentence.
func (oras) says(_ string, given bool, sentence string) string {
	if !given {
		return "basic credential not found"
	}
	return sentence
}
