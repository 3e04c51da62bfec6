package clients

import (
	"os"

	"gotest.tools/v3/assert"
)

type regctl struct{}

func (regctl) reach(sh shell, registry string) {
	args := []string{"registry", "set", "--skip-check", registry}
	if sh.ca == "" {
		sh.do(append(args, "--tls=disabled")...)
		return
	}
	ca, err := os.ReadFile(sh.ca)
	assert.NilError(sh.t, err)
	sh.do(append(args, "--cacert", string(ca))...)
}

func (regctl) login(_ shell, registry, user string) []string {
	return []string{"registry", "login", "-u", user, "--pass-stdin", registry}
}

func (regctl) push(sh shell, ref, content string) []string {
	return []string{"artifact", "put", "--artifact-type=application/vnd.test", "--file-title", "-m", "text/plain", "-f", sh.write(fileName, content), ref}
}

func (regctl) pull(_ shell, ref string) []string { return []string{"artifact", "get", ref} }

func (regctl) pulled(_ shell, out string) string { return out }

func (regctl) tags(_ shell, repository string) []string { return []string{"tag", "ls", repository} }

func (regctl) catalog(_ shell, registry string) []string { return []string{"repo", "ls", registry} }

func (regctl) digest(_ shell, ref string) []string { return []string{"image", "digest", ref} }

func (regctl) copy(_ shell, from, to string) []string { return []string{"image", "copy", from, to} }

func (regctl) remove(_ shell, ref string) []string { return []string{"manifest", "delete", ref} }

// Without credentials regctl does not show the registry's sentence.
func (regctl) says(_ string, given bool, sentence string) string {
	if !given {
		return "no credentials available"
	}
	return sentence
}
