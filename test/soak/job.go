package soak

import (
	"fmt"
	"path"
	"strconv"
	"time"

	batchv1 "k8s.io/api/batch/v1"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/utils/ptr"

	"github.com/converged-computing/oras-operator/pkg/apis/v1alpha1"
	"github.com/converged-computing/oras-operator/test/harness"
)

// Bounds that the steps are given.
const (
	inputWait    = time.Minute     // of an eager step
	transferTime = 2 * time.Minute // of all inputs, and of all outputs
	sidecarTime  = 2 * time.Minute // for a sidecar to come back
	retries      = 3               // of pods, or of containers
)

// backOff is what a Job waits between so many pods, and the kubelet between as many starts of a container.
const backOff = (10 + 20 + 40) * time.Second

// hangBound is what no step may take: waits for an input in vain, one attempt that exhausts each of its bounds, and what the
// cluster adds: pauses between attempts, and a node that is down.
const hangBound = (retries+1)*inputWait + 2*transferTime + sidecarTime + backOff + abandonedAfter + strikeTimeout

// cacheName is the one OrasCache of each workflow's namespace.
const cacheName = "oras"

// ledgerMount is where the command keeps its ledger: a directory of its node, which outlives container and pod.
const ledgerMount = "/ledger"

// Lines of the ledger, of which each pod has a file.
const (
	lineStart = "start"
	lineEnd   = "end"
)

// ledgerDir is the ledger of the workflow in a namespace, on each node.
func ledgerDir(namespace string) string { return path.Join("/var/lib/oras-soak", namespace) }

// job is the step as a user would write it. others are all of its workflow, by name.
func job(namespace string, s Step, others map[string]Step) *batchv1.Job {
	keys := map[string]string{
		v1alpha1.KeyOutputURI:   s.Name,
		v1alpha1.KeyOutputOn:    s.On,
		v1alpha1.KeyPullTimeout: transferTime.String(),
		v1alpha1.KeyPushTimeout: transferTime.String(),
		v1alpha1.KeyShimFlags:   "--sidecar-timeout=" + sidecarTime.String(),
	}
	if s.Eager && len(s.Needs) > 0 {
		keys[v1alpha1.KeyInputWait] = inputWait.String()
	}
	output := "$ORAS_OUTPUT_PATH"
	if !s.OutputOnVolume {
		output = "out"
		keys[v1alpha1.KeyOutputPath] = output
	}
	var checks []string
	for i, need := range s.Needs {
		dir := path.Join("in", need)
		if s.InputsOnVolumes {
			dir = path.Join("/in", need)
		}
		keys[fmt.Sprintf("%s_%d", v1alpha1.KeyInputURI, i)] = need
		keys[fmt.Sprintf("%s_%d", v1alpha1.KeyInputPath, i)] = dir
		checks = append(checks, "check-tree", dir, others[need].Tree.String())
	}
	return &batchv1.Job{
		ObjectMeta: metav1.ObjectMeta{
			Name: s.Name, Namespace: namespace, Annotations: prefixed(keys),
			Labels: map[string]string{v1alpha1.KeyPrefix + v1alpha1.KeyCache: cacheName},
		},
		Spec: batchv1.JobSpec{
			BackoffLimit: ptr.To[int32](retries),
			Template:     corev1.PodTemplateSpec{Spec: pod(namespace, s, command(s, output, checks))},
		},
	}
}

// command notes that it has started, does the step's work, and notes that it has finished.
func command(s Step, output string, checks []string) []string {
	ledger := ledgerMount + "/$POD"
	args := append([]string{"log", ledger, lineStart}, checks...)
	args = append(args, "sleep", s.Takes.String(), "make-tree", output, s.Tree.String(), "log", ledger, lineEnd)
	return append(args, "exit", strconv.Itoa(s.ExitCode))
}

func pod(namespace string, s Step, args []string) corev1.PodSpec {
	return corev1.PodSpec{
		RestartPolicy:                 s.Restart,
		TerminationGracePeriodSeconds: ptr.To[int64](10),
		Containers: []corev1.Container{{
			Name: "app", Image: harness.AppImage, ImagePullPolicy: corev1.PullIfNotPresent,
			Command: []string{"/app"}, Args: args,
			Env: []corev1.EnvVar{{
				Name: "POD", ValueFrom: &corev1.EnvVarSource{FieldRef: &corev1.ObjectFieldSelector{FieldPath: "metadata.name"}},
			}},
			VolumeMounts: []corev1.VolumeMount{{Name: "ledger", MountPath: ledgerMount}},
		}},
		Volumes: []corev1.Volume{{Name: "ledger", VolumeSource: corev1.VolumeSource{
			HostPath: &corev1.HostPathVolumeSource{Path: ledgerDir(namespace), Type: ptr.To(corev1.HostPathDirectory)},
		}}},
	}
}

func prefixed(keys map[string]string) map[string]string {
	all := map[string]string{}
	for key, value := range keys {
		all[v1alpha1.KeyPrefix+key] = value
	}
	return all
}
