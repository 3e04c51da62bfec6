//go:build e2e

package e2e

import (
	"crypto/sha256"
	"fmt"
	"math/rand/v2"
	"net/http"
	"strings"
	"sync"

	batchv1 "k8s.io/api/batch/v1"
	corev1 "k8s.io/api/core/v1"
	"k8s.io/utils/ptr"

	"github.com/converged-computing/oras-operator/test/faults"
)

// transition is a point in the life of a step at which it matters who is killed. A test holds one step at each of them.
type transition struct {
	name   string
	rule   faults.Rule // holds the step there, its path below the step's name; none: the command itself waits
	ended  bool        // the command has ended
	tagged bool        // the tag of the output has moved
	known  bool        // the sidecar knows that it has: what the rule holds goes on, while the shim is stopped
	twice  bool        // worth another step, whose container is never started again
	always bool        // the output is wanted after every end, so that the sidecar reaches it without the shim, too
}

// transitions are those of a step that takes an artifact and makes one, in the order of its life.
func transitions() []transition {
	put := http.MethodPut
	return []transition{
		{name: "asks", rule: faults.Rule{Path: "/in" + manifests}},
		{name: "pulls", rule: faults.Rule{Method: http.MethodGet, Path: "/in" + blobs + contentSum(), After: midway}},
		{name: "runs", twice: true},
		{name: "ended", rule: faults.Rule{Path: "/out/", Direction: faults.Request}, ended: true},
		{name: "uploads", rule: faults.Rule{Method: put, Path: "/out" + uploads, Direction: faults.Request, After: midway}, ended: true, twice: true, always: true},
		{name: "tags", rule: faults.Rule{Method: put, Path: "/out" + manifests, Direction: faults.Request}, ended: true, always: true},
		{name: "tagged", rule: faults.Rule{Method: put, Path: "/out" + manifests}, ended: true, tagged: true, twice: true},
		{name: "pushed", rule: faults.Rule{Method: put, Path: "/out" + manifests}, ended: true, tagged: true, known: true},
	}
}

// waits tells whether it is the command that waits.
func (at transition) waits() bool { return at.rule.Path == "" }

// content is that of every input, and of every output beside how often the command ran. It does not compress.
var content = sync.OnceValue(func() string {
	bytes := make([]byte, 4<<20)
	_, _ = rand.NewChaCha8([32]byte{}).Read(bytes) // it always can
	return string(bytes)
})

func contentSum() string { return fmt.Sprintf("%x", sha256.Sum256([]byte(content()))) }

// ledger is a volume of each step, on which its command counts its runs.
const ledger = "/ledger"

// heldStep is a step that is held at a transition.
type heldStep struct {
	transition
	never bool // its container is never started again
	node  string
	pod   *corev1.Pod
}

// name is that of the Job, and of what its repositories are below.
func (s *heldStep) name() string {
	if s.never {
		return s.transition.name + "-once"
	}
	return s.transition.name
}

// input is an artifact of its own only for a step that is held at it.
func (s *heldStep) input() string {
	if strings.HasPrefix(s.rule.Path, "/in/") {
		return s.name() + "/in:v1"
	}
	return "in:v1"
}

func (s *heldStep) output() string { return s.name() + "/out:v1" }

func (s *heldStep) held() faults.Rule {
	rule := s.rule
	rule.Name, rule.Do, rule.Path = s.name(), faults.Stall, "^/v2/"+s.name()+s.rule.Path
	return rule
}

// object is the step's Job.
func (s *heldStep) object(namespace string, proxy *proxy) *batchv1.Job {
	args := []string{"note", ledger + "/runs", "identity"}
	if s.waits() {
		args = append(args, "await-file", ledger+"/go")
	}
	args = append(args, "copy", "/in/file", "$ORAS_OUTPUT_PATH/file", "copy", ledger+"/runs", "$ORAS_OUTPUT_PATH/runs")
	own := keys{"input-uri": s.input(), "input-path": "/in", "output-uri": s.output(), "sidecar-cpu": "10m"}
	if s.always {
		own["output-on"] = "always"
	}
	object := job{
		name:        s.name(),
		annotations: proxy.keys(own),
		scratch:     ledger,
		onFailure:   !s.never,
		node:        s.node,
		args:        args,
	}.object(namespace)
	// What only the user of the image may read is out of the sidecar's reach, unless the pod says who that is.
	object.Spec.Template.Spec.SecurityContext = &corev1.PodSecurityContext{RunAsUser: ptr.To[int64](1234)}
	return object
}

// steps are one at each transition, on a node if one is named. Their containers are started again when they fail.
func steps(node string) []*heldStep {
	var all []*heldStep
	for _, at := range transitions() {
		all = append(all, &heldStep{transition: at, node: node})
	}
	return all
}

// stepsOfBothPolicies are besides some whose containers are never started again.
func stepsOfBothPolicies(node string) []*heldStep {
	all := steps(node)
	for _, at := range transitions() {
		if at.twice {
			all = append(all, &heldStep{transition: at, node: node, never: true})
		}
	}
	return all
}
