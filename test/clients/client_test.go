package clients

import (
	"archive/tar"
	"bytes"
	"encoding/base64"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"gotest.tools/v3/assert"
	"gotest.tools/v3/icmd"
)

// fileName is that of the file which is pushed.
const fileName = "result.txt"

// client is a command line for registries: its methods that are verbs return the arguments of a command. References are
// REGISTRY/REPOSITORY, with :TAG or @DIGEST.
type client interface {
	// reach tells it how to reach a registry.
	reach(sh shell, registry string)
	// login has it keep who it is there; the password is in its input.
	login(sh shell, registry, user string) []string
	// push makes an artifact of one file, fileName, with that content.
	push(sh shell, ref, content string) []string
	pull(sh shell, ref string) []string
	// pulled returns the content of that file, after a pull that printed out.
	pulled(sh shell, out string) string
	// tags prints them one to a line, and catalog the repositories.
	tags(sh shell, repository string) []string
	catalog(sh shell, registry string) []string
	// digest prints what a tag names.
	digest(sh shell, ref string) []string
	copy(sh shell, from, to string) []string
	// remove deletes a manifest by its digest.
	remove(sh shell, ref string) []string
	// says is what it prints where it is not known who it is: the sentence that the registry answers, or words of its own.
	says(verb string, given bool, sentence string) string
}

func clients() map[string]client {
	return map[string]client{"oras": oras{}, "regctl": regctl{}, "crane": crane{}}
}

// shell runs one client, in a directory and with settings of its own.
type shell struct {
	t       *testing.T
	program string
	dir     string
	ca      string // PEM file of the authority to trust; empty: HTTP is spoken
}

func newShell(t *testing.T, program string, as access) shell {
	return shell{t: t, program: program, dir: t.TempDir(), ca: as.ca}
}

// try runs the client.
func (sh shell) try(stdin string, args ...string) *icmd.Result {
	sh.t.Helper()
	env := []string{
		"HOME=" + sh.dir, "DOCKER_CONFIG=" + filepath.Join(sh.dir, "docker"), "REGCTL_CONFIG=" + filepath.Join(sh.dir, "regctl.json"),
		"PATH=" + os.Getenv("PATH"),
	}
	if sh.program == "crane" && sh.ca != "" {
		env = append(env, "SSL_CERT_FILE="+sh.ca) // there is no flag
	}
	return icmd.RunCmd(icmd.Command(filepath.Join(built.clients, sh.program), args...), icmd.Dir(sh.dir),
		icmd.WithStdin(strings.NewReader(stdin)), icmd.WithEnv(env...))
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

// remember leaves credentials where all three look for them, without asking the registry: as `docker login` did it before
// they changed.
func (sh shell) remember(registry, user, password string) {
	sh.t.Helper()
	assert.NilError(sh.t, os.MkdirAll(filepath.Join(sh.dir, "docker"), 0o700))
	auth := base64.StdEncoding.EncodeToString([]byte(user + ":" + password))
	sh.write(filepath.Join("docker", "config.json"), fmt.Sprintf(`{"auths":{%q:{"auth":%q}}}`, registry, auth))
}

type oras struct{}

// to has args go to the registry.
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

// Without credentials oras does not read on.
func (oras) says(_ string, given bool, sentence string) string {
	if !given {
		return "basic credential not found"
	}
	return sentence
}

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

// Without credentials regctl does not read on.
func (regctl) says(_ string, given bool, sentence string) string {
	if !given {
		return "no credentials available"
	}
	return sentence
}

// crane takes a registry at a loopback address for one that may be without TLS.
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

// A push of crane begins with HEAD, whose answer has no body, and it shows no warnings.
func (crane) says(verb string, _ bool, sentence string) string {
	if verb == "push" {
		return "401 Unauthorized"
	}
	return sentence
}

// user is a client that knows how to reach a registry.
type user struct {
	client
	shell
	s server
}

// newUser is a client that knows how to reach s, but not who it is there.
func newUser(t *testing.T, program string, as access, s server) user {
	t.Helper()
	u := user{client: clients()[program], shell: newShell(t, program, as), s: s}
	u.reach(u.shell, s.Addr)
	return u
}

// logIn has the client keep who it is, as people do it: echo "$PASSWORD" | CLIENT login …
func (u user) logIn(name, password string) *icmd.Result {
	u.t.Helper()
	return u.try(password+"\n", u.login(u.shell, u.s.Addr, name)...)
}

// at is a reference at the registry.
func (u user) at(ref string) string { return u.s.Addr + "/" + ref }

func (u user) pushes(ref, content string) {
	u.t.Helper()
	u.do(u.push(u.shell, u.at(ref), content)...)
}

func (u user) pulls(ref string) string {
	u.t.Helper()
	return u.pulled(u.shell, u.do(u.pull(u.shell, u.at(ref))...))
}

func (u user) copies(from, to string) {
	u.t.Helper()
	u.do(u.copy(u.shell, u.at(from), u.at(to))...)
}

func (u user) resolves(ref string) string {
	u.t.Helper()
	return u.do(u.digest(u.shell, u.at(ref))...)
}

func (u user) lists(repository string) []string {
	u.t.Helper()
	found := strings.Fields(u.do(u.tags(u.shell, u.at(repository))...))
	slices.Sort(found)
	return found
}
