package inject

import (
	"math"
	"strings"
	"time"

	corev1 "k8s.io/api/core/v1"

	"github.com/converged-computing/oras-operator/pkg/plan"
)

const (
	defaultGrace = 30 * time.Second // terminationGracePeriodSeconds where it is absent, of Kubernetes itself
	maxGrace     = 10 * time.Minute // that pushing may add

	maxSeconds = int64(math.MaxInt64 / time.Second) // what a time.Duration holds

	graceFlag = "--grace-period=" // of the shim: it ends the command after the grace that the user gave
)

// grace is the time from the order to stop until the pod is killed, in whole seconds.
type grace struct {
	own    time.Duration // as the user has it
	raised time.Duration // leaves time to push; zero: own is enough
}

// chooseGrace allows as long as pushing may take, but at most maxGrace, and never less than there was. It matters only
// where something is pushed.
func chooseGrace(spec corev1.PodSpec, p plan.Plan) grace {
	g := grace{own: currentGrace(spec)}
	need := (min(p.PushTimeout, maxGrace) + time.Second - 1).Truncate(time.Second)
	if len(p.Outputs) > 0 && need > g.own {
		g.raised = need
	}
	return g
}

func currentGrace(spec corev1.PodSpec) time.Duration {
	if s := spec.TerminationGracePeriodSeconds; s != nil {
		return time.Duration(min(*s, maxSeconds)) * time.Second
	}
	return defaultGrace
}

func (g grace) write(spec *corev1.PodSpec) {
	if g.raised > 0 {
		spec.TerminationGracePeriodSeconds = new(int64(g.raised / time.Second))
	}
}

// shimFlags keep a command that ignores the order to stop from living longer than it would have. The shim takes no time
// at all for "never". Where the user's own flags say another, it is still told first: restoreGrace believes that one.
func (g grace) shimFlags(own []string) []string {
	if g.raised == 0 && !sets(own, flagName(graceFlag)) {
		return nil
	}
	return []string{graceFlag + max(g.own, time.Millisecond).String()}
}

// restoreGrace takes back what write did, from what the shim of a wrapped container was told.
func restoreGrace(spec *corev1.PodSpec, c corev1.Container) {
	call, _ := callOf(c)
	for _, flag := range call.Flags {
		if text, ok := strings.CutPrefix(flag, graceFlag); ok {
			if own, err := time.ParseDuration(text); err == nil && own != currentGrace(*spec) {
				spec.TerminationGracePeriodSeconds = new(int64(own / time.Second))
			}
			return
		}
	}
}
