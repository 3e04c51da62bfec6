package clients

import (
	"archive/tar"
	"bytes"
	"os"
	"path/filepath"

	"gotest.tools/v3/assert"
)

// crane tries HTTP by itself at a loopback address.
type crane struct{}

func (crane) reach(shell, string) {}

func (crane) login(_ shell, registry, user string) []string {
	return []string{"auth", "login", "-u", user, "--password-stdin", registry}
}

func (crane) push(sh shell, ref, content string) []string {
	var layer bytes.Buffer
	w := tar.NewWriter(&layer)
	assert.NilError(sh.t, w.WriteHeader(&tar.Header{Name: fileName, Mode: 0o644, Size: int64(len(content))}))
	_, err := w.Write([]byte(content))
	assert.NilError(sh.t, err)
	assert.NilError(sh.t, w.Close())
	return []string{"append", "--oci-empty-base", "-f", sh.write("layer.tar", layer.String()), "-t", ref}
}

func (crane) pull(_ shell, ref string) []string { return []string{"export", ref, "image.tar"} }

func (crane) pulled(sh shell, _ string) string {
	file, err := os.Open(filepath.Join(sh.dir, "image.tar"))
	assert.NilError(sh.t, err)
	defer file.Close() //nolint:errcheck // only read from
	r := tar.NewReader(file)
	header, err := r.Next()
	assert.NilError(sh.t, err)
	assert.Equal(sh.t, header.Name, fileName)
	var content bytes.Buffer
	_, err = content.ReadFrom(r)
	assert.NilError(sh.t, err)
	return content.String()
}

func (crane) tags(_ shell, repository string) []string { return []string{"ls", repository} }

func (crane) catalog(_ shell, registry string) []string { return []string{"catalog", registry} }

func (crane) digest(_ shell, ref string) []string { return []string{"digest", ref} }

func (crane) copy(_ shell, from, to string) []string { return []string{"copy", from, to} }

func (crane) remove(_ shell, ref string) []string { return []string{"delete", ref} }

// crane begins a push with HEAD, whose answer has no body, and does not show the warning in that answer's header.
func (crane) says(verb string, _ bool, sentence string) string {
	if verb == "push" {
		return "401 Unauthorized"
	}
	return sentence
}
