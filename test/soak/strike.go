package soak

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"maps"
	"slices"
	"strings"
	"sync"
	"time"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/converged-computing/oras-operator/pkg/handoff"
	"github.com/converged-computing/oras-operator/test/harness"
)

// strikeTimeout bounds one kill, with the return of what was killed.
const strikeTimeout = 4 * time.Minute

// chooseTimeout bounds the wait for somebody who can be killed.
const chooseTimeout = 20 * time.Second

// striker carries out kills, and remembers them.
type striker struct {
	*harness.Cluster
	log *slog.Logger

	apiServer time.Time // when it was killed last

	mu    sync.Mutex
	count map[Participant]int
	cut   map[string]map[string]int // by namespace and pod: kills after which a finished command may run again
}

func newStriker(c *harness.Cluster, log *slog.Logger) *striker {
	return &striker{Cluster: c, log: log, count: map[Participant]int{}, cut: map[string]map[string]int{}}
}

// run carries out the kills of a seed until the soak is over or ctx ends.
func (s *striker) run(ctx context.Context, seed uint64, over func() bool, namespaces func() []string) {
	for kill := range kills(seed) {
		select {
		case <-ctx.Done():
			return
		case <-time.After(kill.After):
		}
		if over() {
			return
		}
		// One that has begun is seen to its end, so that nothing stays down.
		bounded, cancel := context.WithTimeout(context.WithoutCancel(ctx), strikeTimeout)
		whom, err := s.strike(bounded, kill, namespaces)
		cancel()
		if err != nil {
			s.log.Info("A kill has come to nothing.", "participant", kill.Who, "reason", err)
			continue
		}
		s.log.Info("Killed.", "participant", kill.Who, "which", whom)
		s.mu.Lock()
		s.count[kill.Who]++
		s.mu.Unlock()
	}
}

// done is how many kills have hit somebody.
func (s *striker) done() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return total(s.count)
}

// strike carries out one kill and says whom it hit.
func (s *striker) strike(ctx context.Context, kill Kill, namespaces func() []string) (whom string, err error) {
	switch kill.Who {
	case Kubelet, Containerd:
		return s.strikeDaemon(ctx, kill)
	case APIServer:
		return s.strikeAPIServer(ctx)
	case Worker:
		return s.strikeWorker(ctx, namespaces())
	}
	pod, err := s.choose(ctx, kill, namespaces)
	if err != nil {
		return "", err
	}
	whom = pod.Namespace + "/" + pod.Name
	switch kill.Who {
	case Shim:
		return whom, s.strikeShim(ctx, pod)
	case Command:
		s.mayRunAgain(pod) // between its last line in the ledger and its end, it fails
		return whom, s.Kill(ctx, pod, "app", harness.Command)
	case ContainerdShim:
		s.mayRunAgain(pod)
		return whom, errors.Join(s.Kill(ctx, pod, "app", harness.ContainerdShim), s.Thaw(ctx, pod.Spec.NodeName))
	case Registry:
		return whom, s.Kill(ctx, pod, "registry", harness.Main)
	}
	return whom, s.Kill(ctx, pod, "oras", harness.Main)
}

// choose returns one of the pods whose container of the kill's kind runs, once there is one.
func (s *striker) choose(ctx context.Context, kill Kill, namespaces func() []string) (*corev1.Pod, error) {
	container := map[Participant]string{Sidecar: "oras", Registry: "registry"}[kill.Who]
	if container == "" {
		container = "app"
	}
	ctx, cancel := context.WithTimeout(ctx, chooseTimeout)
	defer cancel()
	var candidates []corev1.Pod
	err := harness.Retry(ctx, "a "+string(kill.Who)+" runs", func(ctx context.Context) (bool, error) {
		var pods corev1.PodList
		err := s.List(ctx, &pods)
		playing := namespaces()
		for _, pod := range pods.Items {
			status := harness.Status(&pod, container)
			if slices.Contains(playing, pod.Namespace) && status != nil && status.State.Running != nil {
				candidates = append(candidates, pod)
			}
		}
		return len(candidates) > 0, err
	})
	if err != nil {
		return nil, err
	}
	return &candidates[kill.Choice%uint64(len(candidates))], nil
}

// strikeShim kills a shim and notes whether its command may then run again.
func (s *striker) strikeShim(ctx context.Context, pod *corev1.Pod) error {
	id, err := s.ContainerID(ctx, pod, "app")
	if err != nil {
		return err
	}
	records := handoff.DefaultDir.App("app")
	left, err := s.OnNode(ctx, pod.Spec.NodeName, "/app", "kill-and-list", id, records)
	if err != nil || !recorded(left) { // also when it is not known whether it was killed
		s.mayRunAgain(pod)
	}
	return err
}

// recorded tells from a listing of a shim's records, a path on each line, whether the end of the last command that ran is
// among them.
func recorded(listing string) bool {
	last := ""
	for line := range strings.Lines(listing) {
		attempt, ok := strings.CutSuffix(strings.TrimSpace(line), "/started")
		if later := cmp.Or(cmp.Compare(len(attempt), len(last)), cmp.Compare(attempt, last)); ok && later > 0 {
			last = attempt
		}
	}
	return last != "" && strings.Contains(listing, last+"/done\n")
}

// mayRunAgain notes that the end of a command in the pod may be lost. Mostly the command had not come to its end, and one more
// run would not have needed the excuse.
func (s *striker) mayRunAgain(pod *corev1.Pod) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.cut[pod.Namespace] == nil {
		s.cut[pod.Namespace] = map[string]int{}
	}
	s.cut[pod.Namespace][pod.Name]++
}

// excuses returns the notes on the pods of a namespace.
func (s *striker) excuses(namespace string) map[string]int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return maps.Clone(s.cut[namespace])
}

func (s *striker) strikeDaemon(ctx context.Context, kill Kill) (string, error) {
	nodes, err := s.Kube.CoreV1().Nodes().List(ctx, metav1.ListOptions{})
	if err != nil {
		return "", err
	}
	node := nodes.Items[kill.Choice%uint64(len(nodes.Items))].Name
	daemon := map[Participant]harness.Daemon{Kubelet: harness.Kubelet, Containerd: harness.Containerd}[kill.Who]
	return node, s.KillDaemon(ctx, node, daemon)
}

// apiServerPause lies between two kills of the API server. The kubelet waits longer and longer, up to five minutes, before it
// starts a container again that has not run for ten: a cluster without an API server is no test of anything.
const apiServerPause = 10 * time.Minute

func (s *striker) strikeAPIServer(ctx context.Context) (string, error) {
	if time.Since(s.apiServer) < apiServerPause {
		return "", fmt.Errorf("the API server was killed less than %s ago", apiServerPause)
	}
	s.apiServer = time.Now()
	node, err := s.ControlPlane(ctx)
	if err != nil {
		return "", err
	}
	return node, s.KillDaemon(ctx, node, harness.APIServer)
}

// workerDown is how long a node that was killed stays down: long enough to be missed by its pods' peers, and not long
// enough for its pods to be given up.
const workerDown = 5 * time.Second

func (s *striker) strikeWorker(ctx context.Context, namespaces []string) (string, error) {
	node, err := s.Worker(ctx)
	if err != nil {
		return "", err
	}
	var pods corev1.PodList
	if err := s.List(ctx, &pods, client.MatchingFields{"spec.nodeName": node}); err != nil {
		return "", err
	}
	for _, pod := range pods.Items { // between the end of a command and its record, nobody can tell
		if slices.Contains(namespaces, pod.Namespace) {
			s.mayRunAgain(&pod)
		}
	}
	if err := s.KillNode(ctx, node); err != nil {
		return "", err
	}
	time.Sleep(workerDown)
	if err := s.StartNode(ctx, node); err != nil {
		return "", fmt.Errorf("after it was killed: %w", err)
	}
	return node, nil
}
