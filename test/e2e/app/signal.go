package main

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"time"
)

// signalContainer sends a signal to a process of a container, as somebody on its node can: "main" is its first process,
// "command" the oldest child of that, "containerd-shim" the one above it.
func signalContainer(id, which, number string) error {
	sig, err := strconv.Atoi(number)
	if err != nil {
		return err
	}
	pid, err := mainProcess(id)
	if err != nil {
		return err
	}
	switch which {
	case "main":
	case "command":
		pid, err = oldestChild(pid)
	case "containerd-shim":
		pid, err = parent(pid)
	default:
		err = fmt.Errorf("%q is none of main, command and containerd-shim", which)
	}
	if err != nil {
		return err
	}
	return syscall.Kill(pid, syscall.Signal(sig))
}

// killAndList kills the first process of a container, and prints what files it had below a directory at that moment.
func killAndList(out io.Writer, id, dir string) error {
	pid, err := mainProcess(id)
	if err != nil {
		return err
	}
	if err := syscall.Kill(pid, syscall.SIGSTOP); err != nil {
		return err
	}
	top := proc(pid, "root")
	listErr := filepath.WalkDir(filepath.Join(top, dir), func(path string, _ fs.DirEntry, err error) error {
		if err == nil {
			_, err = fmt.Fprintln(out, strings.TrimPrefix(path, top))
		}
		return err
	})
	return errors.Join(listErr, syscall.Kill(pid, syscall.SIGKILL))
}

// peakMemory prints how much memory the first process of a container had resident at most.
func peakMemory(out io.Writer, id string) error {
	pid, err := mainProcess(id)
	if err != nil {
		return err
	}
	_, err = fmt.Fprintln(out, status(pid, "VmHWM"))
	return err
}

// signalNamed sends a signal to every process of a name.
func signalNamed(name, number string) error {
	sig, err := strconv.Atoi(number)
	if err != nil {
		return err
	}
	pids, err := named(name)
	for _, pid := range pids {
		err = errors.Join(err, syscall.Kill(pid, syscall.Signal(sig)))
	}
	return err
}

// pid prints the numbers of the processes of a name.
func pid(out io.Writer, operands []string) error {
	pids, err := named(operands[0])
	if err != nil {
		return err
	}
	_, err = fmt.Fprintln(out, pids)
	return err
}

// named lists the processes of a name, of which there must be one.
func named(name string) (pids []int, err error) {
	for _, pid := range processes() {
		comm, _ := os.ReadFile(proc(pid, "comm")) // it may have ended
		if strings.TrimSpace(string(comm)) == name {
			pids = append(pids, pid)
		}
	}
	if pids == nil {
		err = errors.New("no process is called " + name)
	}
	return pids, err
}

// soonAfter is when soon does what it was told: the answer to who told it is on its way by then.
const soonAfter = 300 * time.Millisecond

// soon does a verb with two operands a little later, in a process that nobody waits for.
func soon(args []string) error {
	cmd := exec.Command("/proc/self/exe", append([]string{"sleep", soonAfter.String()}, args...)...)
	cmd.SysProcAttr = &syscall.SysProcAttr{Setsid: true}
	return cmd.Start()
}

// mainProcess is the one that is process 1 of the container's own process namespace.
func mainProcess(id string) (int, error) {
	for _, pid := range processes() {
		groups, _ := os.ReadFile(proc(pid, "cgroup")) // it may have ended
		if strings.Contains(string(groups), id) && isFirst(pid) {
			return pid, nil
		}
	}
	return 0, fmt.Errorf("container %s has no process here", id)
}

// isFirst tells whether a process is process 1 of a namespace below this one.
func isFirst(pid int) bool {
	numbers := strings.Fields(status(pid, "NSpid"))
	return len(numbers) > 1 && numbers[len(numbers)-1] == "1"
}

func oldestChild(of int) (int, error) {
	for _, pid := range processes() {
		if status(pid, "PPid") == strconv.Itoa(of) {
			return pid, nil
		}
	}
	return 0, fmt.Errorf("process %d has no child", of)
}

func parent(of int) (int, error) { return strconv.Atoi(status(of, "PPid")) }

// processes lists every process, those with low numbers first.
func processes() []int {
	entries, _ := os.ReadDir("/proc") // there is one
	var pids []int
	for _, e := range entries {
		if pid, err := strconv.Atoi(e.Name()); err == nil {
			pids = append(pids, pid)
		}
	}
	slices.Sort(pids)
	return pids
}

func proc(pid int, file string) string { return filepath.Join("/proc", strconv.Itoa(pid), file) }

// status is a field of the process's status; empty if there is none.
func status(pid int, field string) string {
	text, _ := os.ReadFile(proc(pid, "status")) // it may have ended
	for line := range strings.Lines(string(text)) {
		if value, ok := strings.CutPrefix(line, field+":"); ok {
			return strings.TrimSpace(value)
		}
	}
	return ""
}
