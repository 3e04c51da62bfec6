package main

import (
	"context"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"time"

	"github.com/converged-computing/oras-operator/test/bench/gauge"
)

// sample is what one run of a command took.
type sample struct {
	Seconds        float64 `json:"seconds"`
	CPU            float64 `json:"cpuSeconds"`         // in user and system mode
	Memory         int64   `json:"peakMemoryBytes"`    // resident
	Disk           int64   `json:"temporaryDiskBytes"` // the most that was seen below its TMPDIR
	RegistryCPU    float64 `json:"registryCPUSeconds"`
	RegistryMemory int64   `json:"registryPeakMemoryBytes"` // since it was started
}

// command is one to measure.
type command struct {
	dir  string // where it runs
	args []string
}

// often is how often a command and its temporary directory are looked at.
const often = 5 * time.Millisecond

// measure runs a command with a temporary directory of its own, below scratch, and measures it.
func measure(ctx context.Context, start starter, scratch string, c command) (sample, error) {
	temp, err := os.MkdirTemp(scratch, "tmp-")
	if err != nil {
		return sample{}, err
	}
	defer os.RemoveAll(temp) //nolint:errcheck // scratch is removed at the end anyhow
	cmd := exec.CommandContext(ctx, c.args[0], c.args[1:]...)
	cmd.Dir = c.dir
	cmd.Env = append(os.Environ(), "TMPDIR="+temp, "DOCKER_CONFIG="+temp, "NO_PROXY=*")
	var output strings.Builder
	cmd.Stdout, cmd.Stderr = &output, &output
	cmd.WaitDelay = time.Second // for output that others hold open

	began := time.Now()
	var seen peaks
	if err = start(cmd); err == nil {
		stop := watch(temp, cmd.Process.Pid)
		err = cmd.Wait()
		seen = stop()
	}
	took := time.Since(began)
	if err != nil {
		return sample{}, fmt.Errorf("running %s: %w: %s", strings.Join(c.args, " "), err, lastLines(output.String()))
	}
	s := sample{
		Seconds: took.Seconds(), Disk: seen.disk, Memory: seen.memory,
		CPU: (cmd.ProcessState.UserTime() + cmd.ProcessState.SystemTime()).Seconds(),
	}
	own, err := gauge.PeakMemory(os.Getpid())
	if err != nil {
		return sample{}, err
	}
	// What wait4(2) says is exact, but not below what the process had that started this one.
	if usage, ok := cmd.ProcessState.SysUsage().(*syscall.Rusage); ok && usage.Maxrss*kib > own {
		s.Memory = usage.Maxrss * kib
	}
	return s, nil
}

// lastLines is the end of what a command has printed.
func lastLines(output string) string {
	const most = 1000
	return output[max(0, len(output)-most):]
}

// peaks are the most that was seen of a command while it ran.
type peaks struct{ memory, disk int64 }

// watch looks at a process and its temporary directory until the function that it returns is called.
func watch(temp string, pid int) func() peaks {
	stop, result := make(chan struct{}), make(chan peaks)
	go func() {
		ticker := time.NewTicker(often)
		defer ticker.Stop()
		var seen peaks
		for {
			seen.disk = max(seen.disk, allocated(temp))
			if memory, err := gauge.PeakMemory(pid); err == nil { // it may have ended
				seen.memory = max(seen.memory, memory)
			}
			select {
			case <-ticker.C:
			case <-stop:
				result <- seen
				return
			}
		}
	}()
	return func() peaks {
		close(stop)
		return <-result
	}
}

// allocated is what the files below a directory take on disk, in bytes. What vanishes meanwhile counts nothing.
func allocated(dir string) int64 {
	var sum int64
	_ = filepath.WalkDir(dir, func(_ string, d fs.DirEntry, err error) error {
		if err != nil {
			return nil //nolint:nilerr // it vanished
		}
		info, err := d.Info()
		if err != nil || !info.Mode().IsRegular() {
			return nil //nolint:nilerr // it vanished
		}
		if stat, ok := info.Sys().(*syscall.Stat_t); ok {
			sum += stat.Blocks * 512 // the unit of st_blocks, see stat(2)
		}
		return nil
	})
	return sum
}
