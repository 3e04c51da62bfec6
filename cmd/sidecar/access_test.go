package main

import (
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"encoding/pem"
	"fmt"
	"io"
	"log"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"gotest.tools/v3/assert"
	"gotest.tools/v3/fs"
	"gotest.tools/v3/icmd"
)

// What nobody may ever see.
const (
	user      = "ada"
	password  = "hunter2-Secret"
	token     = "t0ken-Of-Bearer"
	signature = "s1gnature-Of-Storage"
)

func secrets() []string {
	return []string{password, token, signature, base64.StdEncoding.EncodeToString([]byte(user + ":" + password))}
}

// basic lets only those in who give user and password.
func basic(w http.ResponseWriter, r *http.Request) bool {
	if name, secret, _ := r.BasicAuth(); name == user && secret == password {
		return false
	}
	w.Header().Set("WWW-Authenticate", `Basic realm="here"`)
	w.WriteHeader(http.StatusUnauthorized)
	return true
}

// bearer lets only those in who hold a token, and gives one for user and password.
func bearer(w http.ResponseWriter, r *http.Request) bool {
	switch {
	case r.URL.Path == "/token":
		if !basic(w, r) {
			_ = json.NewEncoder(w).Encode(map[string]string{"token": token}) // the client notices what is missing
		}
		return true
	case r.Header.Get("Authorization") == "Bearer "+token:
		return false
	}
	w.Header().Set("WWW-Authenticate", fmt.Sprintf(`Bearer realm="http://%s/token",service="here",scope="repository:any:pull,push"`, r.Host))
	w.WriteHeader(http.StatusUnauthorized)
	return true
}

// elsewhere sends readers of blobs to a storage, with a signature in the URL, after a guard has let them in.
func elsewhere(guard func(http.ResponseWriter, *http.Request) bool) func(http.ResponseWriter, *http.Request) bool {
	return func(w http.ResponseWriter, r *http.Request) bool {
		if r.URL.Query().Get("X-Signature") == signature {
			return false
		}
		if guard(w, r) {
			return true
		}
		if r.Method != http.MethodGet || !strings.Contains(r.URL.Path, "/blobs/sha256:") {
			return false
		}
		http.Redirect(w, r, r.URL.Path+"?X-Signature="+signature, http.StatusTemporaryRedirect)
		return true
	}
}

// dockerLogin is a Docker configuration that docker login might have written.
func dockerLogin(t *testing.T, host string) string {
	t.Helper()
	config := fmt.Sprintf(`{"auths":{%q:{"auth":%q}}}`, host, base64.StdEncoding.EncodeToString([]byte(user+":"+password)))
	dir := t.TempDir()
	assert.NilError(t, os.WriteFile(filepath.Join(dir, "config.json"), []byte(config), 0o600))
	return dir
}

func TestNoSecretIsEverLoggedAtAnyLevel(t *testing.T) { // E87
	for name, guard := range map[string]func(http.ResponseWriter, *http.Request) bool{"basic": basic, "bearer": bearer} {
		t.Run(name, func(t *testing.T) {
			registry := startRegistry(t)
			registry.set(elsewhere(guard))
			from := results(t).Path()
			config := filepath.Join(dockerLogin(t, registry.host), "config.json")
			var all strings.Builder
			for _, args := range [][]string{
				{"push", registry.host + "/a:v1", from}, {"pull", registry.host + "/a:v1", "--into", t.TempDir()},
				{"ls", registry.host}, {"ls", registry.host + "/a"}, {"ls", registry.host + "/a:v1"},
				{"cat", registry.host + "/a:v1", "summary.txt"}, {"copy", registry.host + "/a:v1", registry.host + "/b"},
			} {
				for _, form := range []string{"text", "json"} {
					if form == "json" && args[0] == "cat" {
						continue
					}
					extra := []string{"--debug", "--config", config}
					if args[0] != "cat" {
						extra = append(extra, "-o", form)
					}
					result := execute(append(args, extra...)...)
					result.Assert(t, icmd.Success)
					all.WriteString(result.Combined())
				}
			}
			// What fails tells most.
			registry.set(func(w http.ResponseWriter, r *http.Request) bool {
				if elsewhere(guard)(w, r) {
					return true
				}
				if r.URL.Query().Has("X-Signature") {
					w.WriteHeader(http.StatusForbidden)
					return true
				}
				return false
			})
			denied := execute("cat", registry.host+"/a:v1", "summary.txt", "--debug", "--config", config)
			assert.Equal(t, denied.ExitCode, exitDenied, denied.Combined())
			all.WriteString(denied.Combined())
			for name, code := range map[string]int{user: 0, "eve": exitDenied} {
				login := icmd.RunCmd(icmd.Command("sidecar", "ls", registry.host, "--debug", "--username", name, "--password-stdin"),
					icmd.WithStdin(strings.NewReader(password+"\n")))
				assert.Equal(t, login.ExitCode, code, login.Combined())
				all.WriteString(login.Combined())
			}

			text := all.String()
			for _, want := range []string{"A request was answered.", "/v2/a/blobs/sha256:", "status=401", "status=307"} {
				assert.Assert(t, strings.Contains(text, want), "the log is to have %q:\n%s", want, text)
			}
			for _, secret := range secrets() {
				assert.Assert(t, !strings.Contains(text, secret), "%q is in the log:\n%s", secret, text)
			}
		})
	}
}

func TestCredentialsComeFromTheDockerConfiguration(t *testing.T) {
	registry := startRegistry(t)
	registry.set(bearer)
	login := dockerLogin(t, registry.host)
	helpers := fs.NewDir(t, "helpers", fs.WithFile("docker-credential-here", fmt.Sprintf("#!/bin/sh\necho '{\"Username\":%q,\"Secret\":%q}'\n", user, password), fs.WithMode(0o755)))
	helped := fs.NewDir(t, "helped", fs.WithFile("config.json", fmt.Sprintf(`{"credHelpers":{%q:"here"}}`, registry.host)))
	home := fs.NewDir(t, "home", fs.WithDir(".docker", fs.WithFile("config.json", fmt.Sprintf(`{"credHelpers":{%q:"here"}}`, registry.host))))
	for name, test := range map[string]struct {
		args, env []string
		stdin     string
		want      int
	}{
		"of DOCKER_CONFIG":           {env: []string{"DOCKER_CONFIG=" + login}},
		"of a flag":                  {args: []string{"--config", filepath.Join(login, "config.json")}},
		"of the home directory":      {env: []string{"HOME=" + home.Path()}},
		"of a credential helper":     {env: []string{"DOCKER_CONFIG=" + helped.Path()}},
		"from standard input":        {args: []string{"--username", user, "--password-stdin"}, stdin: password + "\n"},
		"which is no configuration":  {env: []string{"DOCKER_CONFIG=" + t.TempDir()}, want: exitDenied},
		"with a wrong password":      {args: []string{"--username", user, "--password-stdin"}, stdin: "wrong", want: exitDenied},
		"with no password at all":    {args: []string{"--username", user, "--password-stdin"}, want: exitOther},
		"of the flag rather than it": {args: []string{"--config", filepath.Join(login, "config.json")}, env: []string{"DOCKER_CONFIG=" + t.TempDir()}},
	} {
		t.Run(name, func(t *testing.T) {
			cmd := icmd.Command("sidecar", append([]string{"ls", registry.host}, test.args...)...)
			cmd.Env = append(append(os.Environ(), "PATH="+helpers.Path()+":"+os.Getenv("PATH")), test.env...)
			result := icmd.RunCmd(cmd, icmd.WithStdin(strings.NewReader(test.stdin)), icmd.WithTimeout(timeout))
			assert.Equal(t, result.ExitCode, test.want, result.Combined())
			if test.want == exitDenied {
				assert.Assert(t, strings.Contains(result.Stderr(), "docker login"), result.Stderr())
			}
		})
	}
}

func TestATokenComesFromAFile(t *testing.T) {
	registry := startRegistry(t)
	registry.set(func(w http.ResponseWriter, r *http.Request) bool {
		if _, secret, _ := r.BasicAuth(); secret == token {
			return false
		}
		return basic(w, r)
	})
	files := fs.NewDir(t, "tokens", fs.WithFile("right", token+"\n"), fs.WithFile("wrong", "wrong"), fs.WithFile("empty", "\n"))
	does(t, "push", "--token-file", files.Join("right"), registry.host+"/a:v1", results(t).Path())
	does(t, "copy", "--token-file", files.Join("right"), registry.host+"/a:v1", registry.host+"/b")
	for name, test := range map[string]struct {
		args []string
		code int
		want string
	}{
		"that is right":             {[]string{"ls", registry.host, "--token-file", files.Join("right")}, 0, ""},
		"that is wrong":             {[]string{"ls", registry.host, "--token-file", files.Join("wrong")}, exitDenied, "--token-file"},
		"that holds nothing":        {[]string{"ls", registry.host, "--token-file", files.Join("empty")}, exitOther, "is empty"},
		"that is not there":         {[]string{"ls", registry.host, "--token-file", files.Join("none")}, exitLocal, "no such file"},
		"beside a user":             {[]string{"ls", registry.host, "--token-file", files.Join("right"), "--username", user, "--password-stdin"}, exitUsage, "exclude each other"},
		"for one of two registries": {[]string{"copy", registry.host + "/a:v1", "127.0.0.1:1/a", "--token-file", files.Join("right")}, exitUsage, "these are two"},
	} {
		t.Run(name, func(t *testing.T) {
			result := execute(append(test.args, "--debug")...)
			assert.Equal(t, result.ExitCode, test.code, result.Combined())
			assert.Assert(t, strings.Contains(result.Stderr(), test.want), result.Stderr())
			for _, secret := range []string{token, base64.StdEncoding.EncodeToString([]byte("token:" + token))} {
				assert.Assert(t, !strings.Contains(result.Combined(), secret), result.Combined())
			}
		})
	}
}

func TestARegistryWithTLSOfItsOwnAuthority(t *testing.T) { // E84
	registry := startRegistry(t)
	server := httptest.NewUnstartedServer(registry)
	server.Config.ErrorLog = log.New(io.Discard, "", 0) // it would tell about the client that hangs up
	server.StartTLS()
	t.Cleanup(server.Close)
	host := strings.TrimPrefix(server.URL, "https://")
	authority := filepath.Join(t.TempDir(), "ca.pem")
	block := pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: server.Certificate().Raw})
	assert.NilError(t, os.WriteFile(authority, block, 0o600))
	does(t, "push", "--ca", authority, host+"/a:v1", results(t).Path())
	assert.Equal(t, does(t, "ls", "--ca", authority, host), "a\n")
	assert.Equal(t, does(t, "ls", "--ca-file", authority, host), "a\n")
	assert.Equal(t, does(t, "ls", registry.host), "a\n") // plain HTTP on this machine, unless told otherwise

	unknown := execute("ls", "--plain-http=false", host)
	assert.Equal(t, unknown.ExitCode, exitOther)
	assert.Assert(t, strings.Contains(unknown.Stderr(), "certificate"), unknown.Stderr())
	none := fs.NewFile(t, "none", fs.WithContent(fmt.Sprintf("%x", sha256.Sum256(nil))))
	for _, args := range [][]string{{"--ca", none.Path()}, {"--ca-file", none.Path()}} {
		assert.Equal(t, execute(append([]string{"ls", host}, args...)...).ExitCode, exitOther, "%q", args)
	}
	assert.Equal(t, execute("ls", "--ca", authority, "--ca-file", authority, host).ExitCode, exitUsage)
}
