package webhook

import (
	"context"
	"fmt"
	"slices"
	"strings"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/util/version"
	"sigs.k8s.io/controller-runtime/pkg/cache"
	"sigs.k8s.io/controller-runtime/pkg/client"
)

// minVersion is the first release that has native sidecars unless told not to: older ones take the sidecar for an init
// container that never ends.
const minVersion = "1.29.0"

// CheckNodes returns warnings about the nodes that a pod may run on. There being none that can run a step is an ErrRefused.
type CheckNodes func(ctx context.Context, pod corev1.PodSpec) ([]string, error)

// nodes tells what the nodes are that a pod may run on.
type nodes struct{ cached client.Reader }

// of lists the nodes that a pod's nodeSelector allows. They are the cache's own and must not be changed.
func (n nodes) of(ctx context.Context, pod corev1.PodSpec) ([]corev1.Node, error) {
	var list corev1.NodeList
	if err := n.cached.List(ctx, &list, client.MatchingLabels(pod.NodeSelector), client.UnsafeDisableDeepCopy); err != nil {
		return nil, fmt.Errorf("listing the nodes: %w", err)
	}
	return list.Items, nil
}

// architectures are those of the Linux nodes that a pod may run on, each once, sorted; none where there are no nodes yet.
func (n nodes) architectures(ctx context.Context, pod corev1.PodSpec) ([]string, error) {
	if wanted := pod.NodeSelector[corev1.LabelArchStable]; wanted != "" {
		return []string{wanted}, nil
	}
	all, err := n.of(ctx, pod)
	if err != nil {
		return nil, err
	}
	var found []string
	for _, node := range all {
		arch := node.Labels[corev1.LabelArchStable]
		if node.Labels[corev1.LabelOSStable] != string(corev1.Windows) && arch != "" && !slices.Contains(found, arch) {
			found = append(found, arch)
		}
	}
	slices.Sort(found)
	return found, nil
}

// check refuses a pod that can only run where the kubelet is too old for native sidecars, and warns of one that might.
func (n nodes) check(ctx context.Context, pod corev1.PodSpec) (warnings []string, err error) {
	all, err := n.of(ctx, pod)
	if err != nil {
		return nil, err
	}
	least := version.MustParseGeneric(minVersion)
	var old []string
	for _, node := range all {
		if v, err := version.ParseGeneric(node.Status.NodeInfo.KubeletVersion); err == nil && v.LessThan(least) {
			old = append(old, fmt.Sprintf("%s (%s)", node.Name, node.Status.NodeInfo.KubeletVersion))
		}
	}
	const shown = 3
	switch what := strings.Join(old[:min(len(old), shown)], ", "); {
	case len(old) == 0:
		return nil, nil
	case len(old) == len(all):
		return nil, refused(fmt.Errorf("no node that the pod may run on has a kubelet of Kubernetes %s or newer, which native sidecars need: %s; upgrade the nodes, or let nodeSelector allow others",
			minVersion, what))
	default:
		return []string{fmt.Sprintf("%d of %d nodes that the pod may run on have a kubelet older than Kubernetes %s, where the step would never start: %s; keep it off them by nodeSelector",
			len(old), len(all), minVersion, what)}, nil
	}
}

// slimNode takes from a node what is not asked about it. What is no node is left as it is.
func slimNode(obj any) (any, error) {
	node, ok := obj.(*corev1.Node)
	if !ok {
		return obj, nil
	}
	return &corev1.Node{
		TypeMeta:   node.TypeMeta,
		ObjectMeta: metav1.ObjectMeta{Name: node.Name, UID: node.UID, ResourceVersion: node.ResourceVersion, Labels: node.Labels},
		Status:     corev1.NodeStatus{NodeInfo: corev1.NodeSystemInfo{KubeletVersion: node.Status.NodeInfo.KubeletVersion}},
	}, nil
}

// Watched limits what a manager caches of nodes to what is asked about them.
func Watched() map[client.Object]cache.ByObject {
	return map[client.Object]cache.ByObject{&corev1.Node{}: {Transform: slimNode}}
}
