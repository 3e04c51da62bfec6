package main_test

import (
	"os"
	"regexp"
	"strconv"
	"strings"
	"testing"
	"time"

	"gotest.tools/v3/assert"
	"gotest.tools/v3/icmd"
)

func TestTheBinaryIsSmall(t *testing.T) {
	info, err := os.Stat(shimPath(t))
	assert.NilError(t, err)
	t.Logf("%d bytes", info.Size())
	assert.Assert(t, info.Size() < 3_500_000)
}

func TestE30AWaitingShimTakesLittleMemoryAndTime(t *testing.T) {
	w := newWrapped(t)
	listener := w.sidecar()
	p := w.start(nil, "true")
	greet(t, listener)
	before := processorTime(t, p.pid())
	time.Sleep(time.Second)
	assert.Assert(t, processorTime(t, p.pid())-before < 100*time.Millisecond)
	status, err := os.ReadFile("/proc/" + strconv.Itoa(p.pid()) + "/status")
	assert.NilError(t, err)
	match := regexp.MustCompile(`VmRSS:\s+(\d+) kB`).FindSubmatch(status)
	kib, err := strconv.Atoi(string(match[1]))
	assert.NilError(t, err)
	t.Logf("%d KiB", kib)
	assert.Assert(t, kib < 2*4096)
}

// processorTime is what a process has used so far.
func processorTime(t *testing.T, pid int) time.Duration {
	t.Helper()
	stat, err := os.ReadFile("/proc/" + strconv.Itoa(pid) + "/stat")
	assert.NilError(t, err)
	_, fields, _ := strings.Cut(string(stat), ") ") // the name of the program
	var ticks int
	for _, field := range strings.Fields(fields)[11:13] { // user and system
		n, err := strconv.Atoi(field)
		assert.NilError(t, err)
		ticks += n
	}
	return time.Duration(ticks) * 10 * time.Millisecond // USER_HZ is 100
}

func TestTheShimKnowsNothingOfNetworksOrKubernetes(t *testing.T) {
	result := icmd.RunCommand("go", "list", "-deps", ".")
	result.Assert(t, icmd.Success)
	for pkg := range strings.FieldsSeq(result.Stdout()) {
		first, _, _ := strings.Cut(pkg, "/")
		switch {
		case pkg == "net" || strings.HasPrefix(pkg, "net/") || strings.HasPrefix(pkg, "crypto"):
			t.Errorf("the shim imports %s", pkg)
		case !strings.Contains(first, ".") || strings.HasPrefix(pkg, "golang.org/x/sys/"):
		case !strings.HasPrefix(pkg, "github.com/converged-computing/oras-operator/"):
			t.Errorf("the shim imports %s", pkg)
		}
	}
}
