package clients

import (
	"encoding/base64"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"gotest.tools/v3/assert"
	"gotest.tools/v3/icmd"
)

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

// remember leaves credentials where all three clients look for them, without asking the registry, as a `docker login` has left
// ones that were good once.
func (sh shell) remember(registry, user, password string) {
	sh.t.Helper()
	assert.NilError(sh.t, os.MkdirAll(filepath.Join(sh.dir, "docker"), 0o700))
	auth := base64.StdEncoding.EncodeToString([]byte(user + ":" + password))
	sh.write(filepath.Join("docker", "config.json"), fmt.Sprintf(`{"auths":{%q:{"auth":%q}}}`, registry, auth))
}
