package transfer_test

import (
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"golang.org/x/sys/unix"
	"gotest.tools/v3/assert"
)

// childOf names, in the environment of a child, the test that it runs.
const childOf = "ORAS_TEST_CHILD_OF"

// inChild runs the test t once more in a process of its own, which prepare may change, and returns false. In that process it
// returns true.
func inChild(t *testing.T, prepare func(t *testing.T, child *exec.Cmd, dir string)) bool {
	t.Helper()
	if os.Getenv(childOf) == t.Name() {
		return true
	}
	dir := t.TempDir()
	assert.NilError(t, os.Chmod(filepath.Dir(dir), 0o711))
	binary := filepath.Join(dir, "test")
	copyExecutable(t, binary)
	child := exec.CommandContext(t.Context(), binary, "-test.v", "-test.run=^"+t.Name()+"$")
	child.Env = append(os.Environ(), childOf+"="+t.Name(), "TMPDIR="+dir)
	prepare(t, child, dir)
	out, err := child.CombinedOutput()
	assert.NilError(t, err, "%s", out)
	assert.Assert(t, strings.Contains(string(out), "--- PASS: "+t.Name()+" "), "%s", out)
	return false
}

// copyExecutable copies the binary of the tests to where other users may run it.
func copyExecutable(t *testing.T, to string) {
	t.Helper()
	from, err := os.Open("/proc/self/exe")
	assert.NilError(t, err)
	defer func() { assert.Check(t, from.Close()) }()
	f, err := os.OpenFile(to, os.O_CREATE|os.O_WRONLY, 0o755)
	assert.NilError(t, err)
	_, err = io.Copy(f, from)
	assert.NilError(t, err)
	assert.NilError(t, f.Close())
}

// asNobody gives a child the rights of a user who owns nothing but dir.
func asNobody(t *testing.T, child *exec.Cmd, dir string) {
	if os.Getuid() != 0 {
		return
	}
	const nobody = 65534
	assert.NilError(t, os.Chown(dir, nobody, nobody))
	child.SysProcAttr = &syscall.SysProcAttr{Credential: &syscall.Credential{Uid: nobody, Gid: nobody}}
}

// withMounts lets a child mount file systems that nobody else sees.
func withMounts(_ *testing.T, child *exec.Cmd, _ string) {
	child.SysProcAttr = &syscall.SysProcAttr{Cloneflags: unix.CLONE_NEWNS}
	if uid := os.Getuid(); uid != 0 {
		child.SysProcAttr.Cloneflags |= unix.CLONE_NEWUSER
		child.SysProcAttr.UidMappings = []syscall.SysProcIDMap{{ContainerID: 0, HostID: uid, Size: 1}}
		child.SysProcAttr.GidMappings = []syscall.SysProcIDMap{{ContainerID: 0, HostID: os.Getgid(), Size: 1}}
	}
}

// onDisk mounts a file system of a size in memory, in a child that may. What temporary directories the test has not had yet are on it.
func onDisk(t *testing.T, size string) string {
	t.Helper()
	assert.NilError(t, unix.Mount("", "/", "", unix.MS_PRIVATE|unix.MS_REC, ""))
	dir, err := os.MkdirTemp("", "disk")
	assert.NilError(t, err)
	assert.NilError(t, unix.Mount("tmpfs", dir, "tmpfs", 0, "size="+size))
	t.Cleanup(func() {
		assert.Check(t, unix.Unmount(dir, 0))
		assert.Check(t, os.Remove(dir))
	})
	t.Setenv("TMPDIR", dir)
	return dir
}

// freeTemp is a temporary directory that can be removed whatever modes its directories have.
func freeTemp(t *testing.T) string {
	t.Helper()
	dir := t.TempDir()
	t.Cleanup(func() {
		assert.Check(t, filepath.WalkDir(dir, func(path string, d os.DirEntry, err error) error {
			if err == nil && d.IsDir() {
				err = os.Chmod(path, 0o700)
			}
			return err
		}))
	})
	return dir
}
