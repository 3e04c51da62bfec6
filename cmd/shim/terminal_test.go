package main_test

import (
	"bytes"
	"fmt"
	"io"
	"os"
	"os/exec"
	"sync"
	"syscall"
	"testing"

	"golang.org/x/sys/unix"
	"gotest.tools/v3/assert"
)

func TestE19TheCommandReadsFromItsTerminal(t *testing.T) {
	for range 10 { // it may read before it was given the terminal
		c := onTerminal(t, "shim --no-wait --no-hold -- sh -c 'read x; echo got $x'")
		c.types("hello\n")
		c.shows("got hello")
		assert.Equal(t, c.exitCode(), 0)
	}
}

func TestE19ControlCReachesTheCommandOnceAndNotTheShim(t *testing.T) {
	c := onTerminal(t, `shim --no-wait --no-hold -- sh -c 'trap "echo interrupted" INT; echo up; read x; read x; exit 4'`)
	c.shows("up")
	c.lent()
	c.types("\x03")
	c.shows("interrupted")
	c.types("a\nb\n")
	assert.Equal(t, c.exitCode(), 4)
	assert.Equal(t, bytes.Count(c.screen(), []byte("interrupted")), 1)
}

func TestE19TheCommandSeesTheWindowChange(t *testing.T) {
	c := onTerminal(t, `shim --no-wait --no-hold -- sh -c 'trap "stty size" WINCH; echo up; while :; do sleep 0.01; done'`)
	c.shows("up")
	assert.NilError(t, unix.IoctlSetWinsize(int(c.master.Fd()), unix.TIOCSWINSZ, &unix.Winsize{Row: 33, Col: 111}))
	c.shows("33 111")
	assert.Equal(t, bytes.Count(c.screen(), []byte("33 111")), 1)
}

func TestE19ACommandThatWasStoppedBeforeItHadTheTerminalIsContinued(t *testing.T) {
	c := onTerminal(t, `shim --no-wait --no-hold -- sh -c 'kill -TTIN $$; kill -TTOU $$; exit 5'`)
	assert.Equal(t, c.exitCode(), 5)
}

func TestE19AndE27ControlZStopsTheJobAndFgContinuesIt(t *testing.T) {
	c := onTerminal(t, `set -m; shim --no-wait --no-hold -- sh -c 'read x; echo $x; read x; echo got $x; exit 4'; echo stopped; fg; echo code $?`)
	c.types("mine\n")
	c.shows("mine\r\nmine") // echoed, then read: the terminal is the command's, and no SIGCONT is on its way to clear a Ctrl-Z
	c.types("\x1a")
	c.shows("stopped")
	c.types("again\n")
	c.shows("got again")
	c.shows("code 4")
	assert.Equal(t, c.exitCode(), 0)
}

func TestE19AScriptHasItsTerminalBackAfterTheShim(t *testing.T) {
	c := onTerminal(t, `shim --no-wait --no-hold -- sh -c 'exit 5'; read x; echo "$? and $x"`)
	c.types("after\n")
	c.shows("0 and after")
	assert.Equal(t, c.exitCode(), 0)
}

func TestE19TheShimItselfMayLogToATerminalThatStopsBackgroundOutput(t *testing.T) {
	c := onTerminal(t, `stty tostop; shim --log-level=debug --no-wait --no-hold -- sh -c 'sleep 0.1; exit 6'`)
	c.shows("The command has ended.")
	assert.Equal(t, c.exitCode(), 6)
}

// console is a terminal with a script on it.
type console struct {
	t      *testing.T
	master *os.File
	cmd    *exec.Cmd

	mu  sync.Mutex
	out []byte
}

// onTerminal runs a script in a session of its own on a new terminal.
func onTerminal(t *testing.T, script string) *console {
	t.Helper()
	master, err := os.OpenFile("/dev/ptmx", os.O_RDWR|unix.O_NOCTTY, 0)
	assert.NilError(t, err)
	fd := int(master.Fd())
	assert.NilError(t, unix.IoctlSetPointerInt(fd, unix.TIOCSPTLCK, 0))
	n, err := unix.IoctlGetInt(fd, unix.TIOCGPTN)
	assert.NilError(t, err)
	slave, err := os.OpenFile(fmt.Sprintf("/dev/pts/%d", n), os.O_RDWR|unix.O_NOCTTY, 0)
	assert.NilError(t, err)
	defer slave.Close() //nolint:errcheck // the script has its own

	c := &console{t: t, master: master, cmd: exec.Command("sh", "-c", script)}
	c.cmd.Stdin, c.cmd.Stdout, c.cmd.Stderr = slave, slave, slave
	c.cmd.SysProcAttr = &syscall.SysProcAttr{Setsid: true, Setctty: true}
	assert.NilError(t, c.cmd.Start())
	go io.Copy(c, master) //nolint:errcheck // ends with the terminal
	t.Cleanup(func() {
		if c.cmd.ProcessState == nil {
			c.cmd.Process.Kill() //nolint:errcheck // it may have ended
			c.cmd.Wait()         //nolint:errcheck // it was killed
		}
		master.Close() //nolint:errcheck // test
		if t.Failed() {
			t.Logf("On the terminal was %q.", c.screen())
		}
	})
	return c
}

func (c *console) Write(p []byte) (int, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.out = append(c.out, p...)
	return len(p), nil
}

func (c *console) screen() []byte {
	c.mu.Lock()
	defer c.mu.Unlock()
	return bytes.Clone(c.out)
}

func (c *console) types(keys string) {
	c.t.Helper()
	_, err := c.master.WriteString(keys)
	assert.NilError(c.t, err)
}

func (c *console) shows(text string) {
	c.t.Helper()
	eventually(c.t, func() bool { return bytes.Contains(c.screen(), []byte(text)) }, "%q on the terminal", text)
}

// lent waits until another process group than that of the script is the terminal's foreground.
func (c *console) lent() {
	c.t.Helper()
	eventually(c.t, func() bool {
		group, err := unix.IoctlGetInt(int(c.master.Fd()), unix.TIOCGPGRP)
		return err == nil && group != c.cmd.Process.Pid
	}, "the terminal to be lent to the command")
}

// exitCode waits for the script to end.
func (c *console) exitCode() int {
	c.t.Helper()
	ended := make(chan struct{})
	go func() {
		c.cmd.Wait() //nolint:errcheck // the exit code is asked for below
		close(ended)
	}()
	eventually(c.t, func() bool {
		select {
		case <-ended:
			return true
		default:
			return false
		}
	}, "the end of the script")
	return c.cmd.ProcessState.ExitCode()
}
