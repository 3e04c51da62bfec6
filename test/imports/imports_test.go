// Package imports holds the rules of which package may import which: downward only, each what its task needs.
package imports

import (
	"slices"
	"strings"
	"testing"

	"gotest.tools/v3/assert"
	"gotest.tools/v3/icmd"
)

const module = "github.com/converged-computing/oras-operator/"

// allowed are, for each package that ships, the packages of this module it may depend on, directly or not.
func allowed() map[string][]string {
	files := []string{"pkg/tree", "pkg/placeholder", "pkg/handoff"}
	transfer := []string{"pkg/tree", "pkg/artifact", "pkg/transfer"}
	admission := append([]string{"pkg/apis/v1alpha1", "pkg/plan", "pkg/inject"}, files...)
	registry := []string{"pkg/apis/v1alpha1", "pkg/htpasswd", "pkg/registry/layout", "pkg/registry/storage", "pkg/registry/api", "pkg/registry/access",
		"pkg/registry/collect", "pkg/registry/collect/lease", "pkg/registry/internal/who"}
	return map[string][]string{
		"pkg/tree":                   nil,
		"pkg/placeholder":            nil,
		"pkg/handoff":                {"pkg/tree", "pkg/placeholder"},
		"pkg/shim":                   files,
		"pkg/artifact":               {"pkg/tree"},
		"pkg/transfer":               {"pkg/tree", "pkg/artifact"},
		"pkg/sidecar":                append([]string{"pkg/handoff", "pkg/placeholder"}, transfer...),
		"pkg/apis/v1alpha1":          nil,
		"pkg/plan":                   {"pkg/apis/v1alpha1", "pkg/placeholder"},
		"pkg/inject":                 admission,
		"pkg/imageconfig":            nil,
		"pkg/webhook":                append([]string{"pkg/imageconfig"}, admission...),
		"pkg/htpasswd":               nil,
		"pkg/controller":             {"pkg/apis/v1alpha1", "pkg/htpasswd"},
		"pkg/events":                 append([]string{"pkg/apis/v1alpha1"}, files...),
		"pkg/certs":                  nil,
		"pkg/registry/layout":        nil,
		"pkg/registry/storage":       {"pkg/registry/layout"},
		"pkg/registry/api":           {"pkg/registry/layout"},
		"pkg/registry/access":        {"pkg/apis/v1alpha1", "pkg/htpasswd"},
		"pkg/registry/collect/lease": nil,
		"pkg/registry/collect":       {"pkg/registry/layout"},
		"pkg/registry":               registry,
		"cmd/shim":                   append([]string{"pkg/shim"}, files...),
		"cmd/sidecar":                append([]string{"pkg/handoff", "pkg/placeholder", "pkg/sidecar"}, transfer...),
		"cmd/operator": slices.Concat(
			[]string{"pkg/webhook", "pkg/imageconfig", "pkg/controller", "pkg/events", "pkg/certs", "pkg/registry"}, registry, admission,
		),
	}
}

func TestImportsGoDownwardOnly(t *testing.T) {
	rules := allowed()
	for _, pkg := range packages(t) {
		may, known := rules[pkg]
		if !known {
			t.Errorf("%s has no rule here: say what it may import", pkg)
			continue
		}
		for _, dep := range dependencies(t, pkg) {
			own := strings.TrimPrefix(dep, module)
			if own != dep && own != pkg && !slices.Contains(may, own) {
				t.Errorf("%s depends on %s", pkg, own)
			}
		}
	}
}

func TestWhatRunsInAPodKnowsNothingOfKubernetes(t *testing.T) {
	for _, pkg := range []string{"cmd/shim", "cmd/sidecar"} {
		for _, dep := range dependencies(t, pkg) {
			if strings.HasPrefix(dep, "k8s.io/") || strings.HasPrefix(dep, "sigs.k8s.io/") {
				t.Errorf("%s depends on %s", pkg, dep)
			}
		}
	}
}

func TestTheShimIsTheStandardLibraryWithoutNetworking(t *testing.T) {
	for _, dep := range dependencies(t, "cmd/shim") {
		first, _, _ := strings.Cut(dep, "/")
		outside := strings.Contains(first, ".") && !strings.HasPrefix(dep, module) && dep != "golang.org/x/sys/unix"
		if outside || dep == "net" || strings.HasPrefix(dep, "net/") {
			t.Errorf("the shim depends on %s", dep)
		}
	}
}

// packages lists the packages that ship, relative to the module. Generators' and tests' are not among them.
func packages(t *testing.T) []string {
	t.Helper()
	var own []string
	for _, pkg := range list(t, "list", module+"cmd/...", module+"pkg/...") {
		if !strings.Contains(pkg, "/internal/") {
			own = append(own, strings.TrimPrefix(pkg, module))
		}
	}
	assert.Assert(t, len(own) > 10, "go list found only %v", own)
	return own
}

func dependencies(t *testing.T, pkg string) []string {
	t.Helper()
	return list(t, "list", "-deps", module+pkg)
}

func list(t *testing.T, args ...string) []string {
	t.Helper()
	result := icmd.RunCommand("go", args...)
	result.Assert(t, icmd.Success)
	return strings.Fields(result.Stdout())
}
