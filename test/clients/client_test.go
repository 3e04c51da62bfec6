package clients

import (
	"archive/tar"
	"bytes"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"gotest.tools/v3/assert"
	"gotest.tools/v3/icmd"
)

// fileName is that of the file which is pushed.
const fileName = "result.txt"

// client is a command line for registries. References are REGISTRY/REPOSITORY, with :TAG or @DIGEST.
type client interface {
	// prepare tells it of a registry, and who it is there unless user is empty.
	prepare(sh shell, registry, user, password string)
	// push makes an artifact of one file, fileName, with that content.
	push(sh shell, ref, content string)
	// pull returns the content of that file.
	pull(sh shell, ref string) string
	// tags are one to a line.
	tags(sh shell, repository string) string
	// digest is what a tag names.
	digest(sh shell, ref string) string
	copy(sh shell, from, to string)
	// pullArgs are the arguments of a pull, and removeArgs of the deletion of a manifest by its digest.
	pullArgs(ref string) []string
	removeArgs(ref string) []string
}

func clients() map[string]client {
	return map[string]client{"oras": oras{}, "regctl": regctl{}, "crane": crane{}}
}

// shell runs one client, in a directory and with settings of its own.
type shell struct {
	t       *testing.T
	program string
	dir     string
}

func newShell(t *testing.T, program string) shell {
	return shell{t: t, program: filepath.Join(built.clients, program), dir: t.TempDir()}
}

// try runs the client.
func (sh shell) try(stdin string, args ...string) *icmd.Result {
	sh.t.Helper()
	return icmd.RunCmd(icmd.Command(sh.program, args...), icmd.Dir(sh.dir), icmd.WithStdin(strings.NewReader(stdin)), icmd.WithEnv(
		"HOME="+sh.dir, "DOCKER_CONFIG="+filepath.Join(sh.dir, "docker"), "REGCTL_CONFIG="+filepath.Join(sh.dir, "regctl.json"), "PATH="+os.Getenv("PATH")))
}

// do runs the client, which must succeed, and returns what it says.
func (sh shell) do(args ...string) string {
	sh.t.Helper()
	result := sh.try("", args...)
	result.Assert(sh.t, icmd.Success)
	return strings.TrimSpace(result.Stdout())
}

// write makes a file, and returns its name.
func (sh shell) write(name, content string) string {
	sh.t.Helper()
	assert.NilError(sh.t, os.WriteFile(filepath.Join(sh.dir, name), []byte(content), 0o600))
	return name
}

type oras struct{}

func (oras) prepare(sh shell, registry, user, password string) {
	if user != "" {
		sh.do("login", "--plain-http", "-u", user, "-p", password, registry)
	}
}

func (oras) push(sh shell, ref, content string) {
	sh.do("push", "--plain-http", ref, sh.write(fileName, content)+":text/plain")
}

func (oras) pull(sh shell, ref string) string {
	sh.do(oras{}.pullArgs(ref)...)
	content, err := os.ReadFile(filepath.Join(sh.dir, "out", fileName))
	assert.NilError(sh.t, err)
	return string(content)
}

func (oras) tags(sh shell, repository string) string {
	return sh.do("repo", "tags", "--plain-http", repository)
}

func (oras) digest(sh shell, ref string) string { return sh.do("resolve", "--plain-http", ref) }

func (oras) copy(sh shell, from, to string) {
	sh.do("copy", "--from-plain-http", "--to-plain-http", from, to)
}

func (oras) pullArgs(ref string) []string { return []string{"pull", "--plain-http", "-o", "out", ref} }

func (oras) removeArgs(ref string) []string {
	return []string{"manifest", "delete", "--plain-http", "--force", ref}
}

type regctl struct{}

func (regctl) prepare(sh shell, registry, user, password string) {
	sh.do("registry", "set", "--skip-check", "--tls=disabled", registry)
	if user != "" {
		sh.do("registry", "login", "-u", user, "-p", password, registry)
	}
}

func (regctl) push(sh shell, ref, content string) {
	sh.do("artifact", "put", "--artifact-type=application/vnd.test", "--file-title", "-m", "text/plain", "-f", sh.write(fileName, content), ref)
}

func (regctl) pull(sh shell, ref string) string { return sh.do(regctl{}.pullArgs(ref)...) }

func (regctl) tags(sh shell, repository string) string { return sh.do("tag", "ls", repository) }

func (regctl) digest(sh shell, ref string) string { return sh.do("image", "digest", ref) }

func (regctl) copy(sh shell, from, to string) { sh.do("image", "copy", from, to) }

func (regctl) pullArgs(ref string) []string { return []string{"artifact", "get", ref} }

func (regctl) removeArgs(ref string) []string { return []string{"manifest", "delete", ref} }

// crane takes a registry at a loopback address for one without TLS.
type crane struct{}

func (crane) prepare(sh shell, registry, user, password string) {
	if user != "" {
		sh.do("auth", "login", "-u", user, "-p", password, registry)
	}
}

func (crane) push(sh shell, ref, content string) {
	var layer bytes.Buffer
	w := tar.NewWriter(&layer)
	assert.NilError(sh.t, w.WriteHeader(&tar.Header{Name: fileName, Mode: 0o644, Size: int64(len(content))}))
	_, err := w.Write([]byte(content))
	assert.NilError(sh.t, err)
	assert.NilError(sh.t, w.Close())
	sh.do("append", "--oci-empty-base", "-f", sh.write("layer.tar", layer.String()), "-t", ref)
}

func (crane) pull(sh shell, ref string) string {
	sh.do(crane{}.pullArgs(ref)...)
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

func (crane) tags(sh shell, repository string) string { return sh.do("ls", repository) }

func (crane) digest(sh shell, ref string) string { return sh.do("digest", ref) }

func (crane) copy(sh shell, from, to string) { sh.do("copy", from, to) }

func (crane) pullArgs(ref string) []string { return []string{"export", ref, "image.tar"} }

func (crane) removeArgs(ref string) []string { return []string{"delete", ref} }
