package main_test

import (
	"os"
	"regexp"
	"strconv"
	"strings"
	"testing"

	"gotest.tools/v3/assert"
	"gotest.tools/v3/icmd"
)

func TestTheBinaryIsSmall(t *testing.T) {
	info, err := os.Stat(shimPath(t))
	assert.NilError(t, err)
	t.Logf("%d bytes", info.Size())
	assert.Assert(t, info.Size() < 3_500_000)
}

func TestE30AWaitingShimTakesLittleMemory(t *testing.T) {
	w := newWrapped(t)
	listener := w.sidecar()
	p := w.start([]string{"--no-wait"}, "sleep", "1000")
	greet(t, listener)
	w.started()
	status, err := os.ReadFile("/proc/" + strconv.Itoa(p.pid()) + "/status")
	assert.NilError(t, err)
	match := regexp.MustCompile(`VmRSS:\s+(\d+) kB`).FindSubmatch(status)
	kib, err := strconv.Atoi(string(match[1]))
	assert.NilError(t, err)
	t.Logf("%d KiB", kib)
	assert.Assert(t, kib < 2*4096)
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
