package main_test

import (
	"os"
	"path/filepath"
	"testing"

	"golang.org/x/sys/unix"
	"gotest.tools/v3/assert"
	"gotest.tools/v3/fs"
	"gotest.tools/v3/icmd"
)

func TestInstallPutsTheShimAndTheDirectoriesInPlace(t *testing.T) {
	dir := fs.NewDir(t, "volumes")
	args := []string{"-c", `umask 077; exec "$@"`, "sh", "shim", "install", dir.Join("bin"),
		"--run-dir=" + dir.Join("run"), "--container=app", "--container=log"}
	for range 2 { // a node's reboot runs init containers again
		icmd.RunCommand("sh", args...).Assert(t, icmd.Expected{Out: icmd.None, Err: icmd.None})
		for path, mode := range map[string]os.FileMode{
			"bin/shim":    0o555,
			"run/sidecar": os.ModeDir | 0o755,
			"run/app/app": os.ModeDir | 0o777,
			"run/app/log": os.ModeDir | 0o777,
		} {
			info, err := os.Stat(dir.Join(path))
			assert.NilError(t, err)
			assert.Equal(t, info.Mode(), mode, path)
		}
		left, err := os.ReadDir(dir.Join("bin"))
		assert.NilError(t, err)
		assert.Equal(t, len(left), 1, "nothing is left beside the shim")
	}
	icmd.RunCommand(dir.Join("bin/shim"), "--no-wait", "--no-hold", "--", "echo", "works").Assert(t, icmd.Expected{Out: "works"})
}

func TestE11InstallReplacesAShimThatIsRunning(t *testing.T) {
	dir := t.TempDir()
	installed := filepath.Join(dir, "shim")
	install := func(by string) {
		icmd.RunCommand(by, "install", dir, "--run-dir="+t.TempDir()).Assert(t, icmd.Success)
	}
	install("shim")
	running := start(t, installed, "--no-wait", "--no-hold", "--", "sh", "-c", "echo up; exec sleep 1000")
	running.prints("up")
	install("shim")
	install(installed) // and by itself
	icmd.RunCommand(installed, "--version").Assert(t, icmd.Success)
	running.signal(unix.SIGTERM)
	running.wait().Assert(t, icmd.Expected{ExitCode: 143})
}

func TestE12AVolumeThatIsMountedNoexecIsReported(t *testing.T) {
	args := []string{"--mount", "sh", "-c", `mount -t tmpfs -o noexec tmpfs "$1" && exec shim install "$1" --run-dir="$1/run"`, "sh", t.TempDir()}
	if os.Getuid() != 0 {
		args = append([]string{"--map-root-user"}, args...)
	}
	icmd.RunCommand("unshare", args...).Assert(t, icmd.Expected{ExitCode: 204, Err: "mounted noexec?"})
}

func TestInstallThatCannotWriteSaysSo(t *testing.T) {
	file := fs.NewFile(t, "file")
	icmd.RunCommand("shim", "install", file.Path(), "--run-dir="+t.TempDir()).
		Assert(t, icmd.Expected{ExitCode: 204, Err: "installing the shim in " + file.Path()})
	icmd.RunCommand("shim", "install", t.TempDir(), "--run-dir="+file.Path()).
		Assert(t, icmd.Expected{ExitCode: 204, Err: "making the directories of the hand-off"})
	icmd.RunCommand("shim", "install").Assert(t, icmd.Expected{ExitCode: 204, Err: "takes the directory"})
}
