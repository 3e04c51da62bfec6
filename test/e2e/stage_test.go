//go:build e2e

package e2e

import (
	"context"
	"net/http"
	"slices"
	"strings"
	"syscall"
	"testing"

	"gotest.tools/v3/assert"
	is "gotest.tools/v3/assert/cmp"
	batchv1 "k8s.io/api/batch/v1"
	corev1 "k8s.io/api/core/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/converged-computing/oras-operator/test/faults"
	"github.com/converged-computing/oras-operator/test/harness"
)

// stage has a step at each of several transitions, behind one proxy.
type stage struct {
	*cluster
	namespace string
	proxy     *proxy
	steps     []*heldStep
}

// stage prepares a namespace, which has a cache, for steps.
func (c *cluster) stage(t *testing.T, namespace string) *stage {
	t.Helper()
	return &stage{cluster: c, namespace: namespace, proxy: c.proxy(t, namespace)}
}

// hold starts steps and waits until each is at its transition.
func (s *stage) hold(t *testing.T, steps []*heldStep) {
	t.Helper()
	s.steps = steps
	var rules []faults.Rule
	inputs := map[string]bool{}
	for _, step := range steps {
		inputs[step.input()] = true
		if !step.waits() {
			rules = append(rules, step.held())
		}
	}
	for input := range inputs {
		s.push(t, s.namespace, input, map[string]string{"file": content()})
	}
	s.proxy.rules(t, rules...)
	for _, step := range steps {
		assert.NilError(t, s.Create(t.Context(), step.object(s.namespace, s.proxy)))
	}
	for _, known := range []bool{true, false} { // first those whose sidecar is to learn of it before it asks once more
		for _, step := range steps {
			if step.known == known {
				s.reach(t, step)
			}
		}
	}
}

// reach waits until a step is at its transition.
func (s *stage) reach(t *testing.T, step *heldStep) {
	t.Helper()
	if step.waits() {
		s.containerLogged(t, s.namespace, step.name(), "app", "uid=")
	} else {
		s.proxy.awaitFired(t, step.name(), 1)
	}
	step.pod = s.pod(t, s.namespace, step.name())
	if step.known {
		assert.NilError(t, s.Signal(within(t), step.pod, "app", harness.Main, syscall.SIGSTOP))
		s.proxy.remove(t, step.name())
		s.containerLogged(t, s.namespace, step.name(), "oras", "The outputs are dealt with.")
	}
}

// allStartedAgain waits until a container of every step, but of those whose containers never are, was started again.
func (s *stage) allStartedAgain(t *testing.T, container string) {
	t.Helper()
	for _, step := range s.steps {
		if !step.never {
			s.startedAgain(t, step.pod, container)
		}
	}
}

// release lets go on what is held of the steps; those whose containers are never started again are dead.
func (s *stage) release(t *testing.T) {
	t.Helper()
	s.proxy.release(t)
	for _, step := range s.steps {
		switch {
		case step.never:
		case step.waits():
			s.exec(t, step.pod, "/app", "write", ledger+"/go", "")
		case step.known && restarts(step.pod, "app") == 0:
			assert.NilError(t, s.Signal(within(t), step.pod, "app", harness.Main, syscall.SIGCONT))
		}
	}
}

// allComplete waits until the steps are, and checks that no command ran more than once.
func (s *stage) allComplete(t *testing.T) {
	t.Helper()
	for _, step := range s.steps {
		s.completes(t, step, 1)
	}
}

// allEndAsTheirPoliciesSay waits until steps that have lost their containers have ended. Where the policy is to start
// containers again, a command that was cut off runs again, and one that had ended does not; elsewhere the step fails.
func (s *stage) allEndAsTheirPoliciesSay(t *testing.T) {
	t.Helper()
	for _, step := range s.steps {
		switch {
		case step.never:
			s.fails(t, step)
		case step.waits():
			s.completes(t, step, 2)
		default:
			s.completes(t, step, 1)
		}
	}
}

// completes waits until a step has, and checks that its command ran so often, and that its tag has moved once, to an artifact
// that is whole.
func (s *stage) completes(t *testing.T, step *heldStep, runs int) {
	t.Helper()
	s.complete(t, s.namespace, step.name())
	s.isWhole(t, step, runs)
	if step.known {
		assert.Equal(t, len(s.puts(t, step)), 1, "%s: nothing is pushed again", step.name())
	}
}

// fails waits until a step has failed, and checks that its tag names nothing, or what is whole.
func (s *stage) fails(t *testing.T, step *heldStep) {
	t.Helper()
	assert.Equal(t, s.ended(t, s.namespace, step.name()), batchv1.JobFailed)
	there := len(s.tags(t, s.namespace, step.name()+"/out")) > 0
	assert.Assert(t, there || !step.tagged, "%s: what was there is gone", step.name())
	assert.Assert(t, !there || step.ended, "%s: an artifact of a command that has not ended", step.name())
	if there {
		s.isWhole(t, step, 1)
	}
}

// isWhole checks that an output is what the command makes when it runs for the nth time, and that its tag has named nothing
// else.
func (s *stage) isWhole(t *testing.T, step *heldStep, runs int) {
	t.Helper()
	files := s.pull(t, s.namespace, step.output())
	assert.Assert(t, is.Len(files, 2), step.name())
	assert.Equal(t, files["runs"], strings.Repeat("ran\n", runs), step.name())
	assert.Assert(t, files["file"] == content(), "%s: the content is another", step.name())
	var moves []string
	for _, x := range s.puts(t, step) {
		if x.Digest != "" {
			moves = append(moves, x.Digest)
		}
	}
	want := []string{s.digest(t, s.namespace, step.output())}
	assert.Assert(t, is.DeepEqual(slices.Compact(moves), want), step.name())
}

// puts are the requests that were to give the step's tag an artifact.
func (s *stage) puts(t *testing.T, step *heldStep) []faults.Exchange {
	t.Helper()
	return slices.DeleteFunc(s.proxy.log(t), func(x faults.Exchange) bool {
		return x.Method != http.MethodPut || !strings.HasPrefix(x.Path, "/v2/"+step.name()+"/out"+manifests)
	})
}

// startedAgain waits until a container of a pod was.
func (c *cluster) startedAgain(t *testing.T, pod *corev1.Pod, container string) {
	t.Helper()
	await(t, "container "+container+" of "+pod.Name+" is started again", func(ctx context.Context) (bool, error) {
		err := c.Get(ctx, client.ObjectKeyFromObject(pod), pod)
		return restarts(pod, container) > 0, err
	})
}

// restartRegistry kills the registry of a namespace's cache, and waits until it is started again.
func (c *cluster) restartRegistry(t *testing.T, namespace string) {
	t.Helper()
	var pod corev1.Pod
	assert.NilError(t, c.Get(t.Context(), client.ObjectKey{Namespace: namespace, Name: cacheName + "-0"}, &pod))
	c.kill(t, &pod, "registry", harness.Main)
	c.startedAgain(t, &pod, "registry")
}
