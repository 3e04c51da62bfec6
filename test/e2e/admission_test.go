//go:build e2e

package e2e

import (
	"context"
	"encoding/json"
	"os"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"

	jsonpatch "github.com/evanphx/json-patch/v5"
	"gotest.tools/v3/assert"
	is "gotest.tools/v3/assert/cmp"
	admissionv1 "k8s.io/api/admission/v1"
	appsv1 "k8s.io/api/apps/v1"
	batchv1 "k8s.io/api/batch/v1"
	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/api/resource"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/client-go/rest"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/converged-computing/oras-operator/pkg/apis/v1alpha1"
	"github.com/converged-computing/oras-operator/pkg/inject"
	"github.com/converged-computing/oras-operator/test/harness"
)

// The tests of admission create most objects in a dry run: the API server asks all its webhooks, and makes nothing.

func TestE48APodThatIsInjectedIsNotInjectedAgain(t *testing.T) {
	t.Parallel()
	c, ns := withCache(t, nil)
	pod := marked(ns)
	assert.NilError(t, c.try(t, pod))
	assert.Equal(t, inject.Damage(pod.Spec), "")
	again := &corev1.Pod{ObjectMeta: metav1.ObjectMeta{Name: "again", Namespace: ns, Labels: pod.Labels, Annotations: pod.Annotations}, Spec: *pod.Spec.DeepCopy()}
	assert.NilError(t, c.try(t, again))
	assert.DeepEqual(t, again.Spec, pod.Spec)
}

func TestE50ADryRunTellsWhatWouldBeAndLeavesNothing(t *testing.T) {
	t.Parallel()
	c, ns := withCache(t, nil)
	step := job{name: "dry", labels: keys{"oras-cache": "oras", "output-uri": "x"}, args: []string{"identity"}}.object(ns)
	assert.NilError(t, c.try(t, step))
	assert.Equal(t, inject.Damage(step.Spec.Template.Spec), "")
	err := c.Get(within(t), client.ObjectKeyFromObject(step), &batchv1.Job{})
	assert.Assert(t, apierrors.IsNotFound(err), "%v", err)
}

func TestE51APodOfAGeneratedNameIsAStepOfTheRequestsNamespace(t *testing.T) {
	t.Parallel()
	c, ns := withCache(t, nil)
	pod := marked(ns)
	pod.Name, pod.GenerateName = "", "generated-"
	assert.NilError(t, c.try(t, pod))
	assert.Equal(t, inject.Damage(pod.Spec), "")
	sidecar := pod.Spec.InitContainers[1].Command
	assert.Assert(t, is.Contains(sidecar, "--registry="+v1alpha1.Endpoint(ns, "oras")))
}

// The API server drops what it does not know, so the operator is asked as a newer one would ask it.
func TestE52FieldsOfNewerVersionsSurvive(t *testing.T) {
	t.Parallel()
	c, ns := withCache(t, nil)
	raw, err := json.Marshal(marked(ns))
	assert.NilError(t, err)
	var object map[string]any
	assert.NilError(t, json.Unmarshal(raw, &object))
	spec := object["spec"].(map[string]any)                                    //nolint:forcetypeassert // a pod has one
	spec["fieldOfTheFuture"] = "of the pod"                                    // and of its container:
	spec["containers"].([]any)[0].(map[string]any)["fieldOfTheFuture"] = "too" //nolint:forcetypeassert // it has one
	raw, err = json.Marshal(object)
	assert.NilError(t, err)
	review, err := json.Marshal(admissionv1.AdmissionReview{
		TypeMeta: metav1.TypeMeta{APIVersion: "admission.k8s.io/v1", Kind: "AdmissionReview"},
		Request: &admissionv1.AdmissionRequest{
			UID: "future", Operation: admissionv1.Create, Namespace: ns, Object: runtime.RawExtension{Raw: raw},
		},
	})
	assert.NilError(t, err)
	answer, err := c.Kube.CoreV1().RESTClient().Post().
		Namespace(harness.OperatorNamespace).Resource("services").Name("https:"+webhookService+":443").SubResource("proxy").
		Suffix("mutate-pod").SetHeader("Content-Type", "application/json").Body(review).DoRaw(within(t))
	assert.NilError(t, err)
	var got admissionv1.AdmissionReview
	assert.NilError(t, json.Unmarshal(answer, &got))
	assert.Assert(t, got.Response.Allowed, "%v", got.Response.Result)
	patch, err := jsonpatch.DecodePatch(got.Response.Patch)
	assert.NilError(t, err)
	patched, err := patch.Apply(raw)
	assert.NilError(t, err)
	var pod struct {
		Spec struct {
			FieldOfTheFuture string
			Containers       []struct{ FieldOfTheFuture string }
			InitContainers   []corev1.Container
		}
	}
	assert.NilError(t, json.Unmarshal(patched, &pod))
	assert.Equal(t, pod.Spec.FieldOfTheFuture, "of the pod")
	assert.Equal(t, pod.Spec.Containers[0].FieldOfTheFuture, "too")
	assert.Assert(t, len(pod.Spec.InitContainers) > 0)
}

func TestE53NamesAndPathsOfOursAreDenied(t *testing.T) {
	t.Parallel()
	c, ns := withCache(t, nil)
	pod := marked(ns)
	pod.Spec.Volumes = []corev1.Volume{{Name: "oras-run"}}
	pod.Spec.Containers[0].VolumeMounts = []corev1.VolumeMount{{Name: "oras-run", MountPath: "/oras/mine"}}
	pod.Spec.InitContainers = []corev1.Container{{Name: "oras", Image: image, Command: []string{"/app"}}}
	err := c.try(t, pod)
	for _, field := range []string{"spec.volumes[0].name", "spec.initContainers[0].name", "volumeMounts[0].mountPath"} {
		assert.ErrorContains(t, err, field)
	}
}

// A quota refuses a pod with a container that does not say what the quota counts; a limit range fills it in, but not below or
// above what it allows.
func TestE54AStepFitsIntoTheQuotasOfARestrictedNamespace(t *testing.T) {
	t.Parallel()
	c, ns := withCache(t, map[string]string{"pod-security.kubernetes.io/enforce": "restricted"})
	amounts := corev1.ResourceList{
		corev1.ResourceCPU: resource.MustParse("200m"), corev1.ResourceMemory: resource.MustParse("64Mi"), corev1.ResourceEphemeralStorage: resource.MustParse("1Gi"),
	}
	assert.NilError(t, c.Create(within(t), &corev1.ResourceQuota{
		ObjectMeta: metav1.ObjectMeta{Name: "all", Namespace: ns},
		Spec: corev1.ResourceQuotaSpec{
			Hard: corev1.ResourceList{
				corev1.ResourceRequestsCPU: resource.MustParse("2"), corev1.ResourceLimitsCPU: resource.MustParse("4"),
				corev1.ResourceRequestsMemory: resource.MustParse("2Gi"), corev1.ResourceLimitsMemory: resource.MustParse("4Gi"),
				corev1.ResourceRequestsEphemeralStorage: resource.MustParse("10Gi"), corev1.ResourceLimitsEphemeralStorage: resource.MustParse("10Gi"),
			},
		},
	}))
	step := job{name: "counted", labels: keys{"oras-cache": "oras", "output-uri": "counted"}, args: []string{"write", "$ORAS_OUTPUT_PATH/file", "x"}, restricted: true}.object(ns)
	step.Spec.Template.Spec.Containers[0].Resources = corev1.ResourceRequirements{Requests: amounts, Limits: amounts}
	assert.NilError(t, c.Create(within(t), step))
	c.complete(t, ns, "counted")
}

func TestE54AStepTakesTheDefaultsOfALimitRange(t *testing.T) {
	t.Parallel()
	c, ns := withCache(t, nil)
	assert.NilError(t, c.Create(within(t), &corev1.LimitRange{
		ObjectMeta: metav1.ObjectMeta{Name: "range", Namespace: ns},
		Spec: corev1.LimitRangeSpec{Limits: []corev1.LimitRangeItem{{
			Type:           corev1.LimitTypeContainer,
			Default:        corev1.ResourceList{corev1.ResourceCPU: resource.MustParse("500m"), corev1.ResourceMemory: resource.MustParse("256Mi")},
			DefaultRequest: corev1.ResourceList{corev1.ResourceCPU: resource.MustParse("50m"), corev1.ResourceMemory: resource.MustParse("64Mi")},
			Max:            corev1.ResourceList{corev1.ResourceCPU: resource.MustParse("1"), corev1.ResourceMemory: resource.MustParse("512Mi")},
		}}},
	}))
	pod := marked(ns)
	await(t, "the limit range is known", func(ctx context.Context) (bool, error) {
		pod = marked(ns)
		err := c.Create(ctx, pod, client.DryRunAll)
		return !pod.Spec.Containers[0].Resources.Limits.Cpu().IsZero(), err
	})
	for _, container := range pod.Spec.InitContainers {
		assert.Equal(t, container.Resources.Limits.Cpu().String(), "500m", container.Name)
		assert.Equal(t, container.Resources.Requests.Memory().String(), "128Mi", container.Name)
	}
}

// The API server would let in nothing of what the operator injects where it does not heed a limit range.
func TestE54AStepFitsIntoANarrowLimitRange(t *testing.T) {
	t.Parallel()
	c, ns := withCache(t, nil)
	assert.NilError(t, c.Create(within(t), &corev1.LimitRange{
		ObjectMeta: metav1.ObjectMeta{Name: "narrow", Namespace: ns},
		Spec: corev1.LimitRangeSpec{Limits: []corev1.LimitRangeItem{{
			Type:                 corev1.LimitTypeContainer,
			Default:              corev1.ResourceList{corev1.ResourceCPU: resource.MustParse("60m")},
			DefaultRequest:       corev1.ResourceList{corev1.ResourceCPU: resource.MustParse("30m")},
			Min:                  corev1.ResourceList{corev1.ResourceMemory: resource.MustParse("160Mi")},
			Max:                  corev1.ResourceList{corev1.ResourceCPU: resource.MustParse("80m"), corev1.ResourceMemory: resource.MustParse("256Mi")},
			MaxLimitRequestRatio: corev1.ResourceList{corev1.ResourceCPU: resource.MustParse("2"), corev1.ResourceMemory: resource.MustParse("1")},
		}}},
	}))
	await(t, "the limit range is known to the operator and to the API server", func(ctx context.Context) (bool, error) {
		pod := marked(ns)
		if err := c.Create(ctx, pod, client.DryRunAll); err != nil {
			return false, nil
		}
		return pod.Spec.Containers[0].Resources.Limits.Cpu().String() == "60m", nil
	})
	assert.NilError(t, c.Create(within(t), job{name: "narrow", labels: keys{"oras-cache": "oras", "output-uri": "narrow"}, args: []string{"write", "$ORAS_OUTPUT_PATH/file", "x"}}.object(ns)))
	c.complete(t, ns, "narrow")

	greedy := marked(ns)
	metav1.SetMetaDataAnnotation(&greedy.ObjectMeta, v1alpha1.KeyPrefix+v1alpha1.KeySidecarMemory, "1Gi")
	assert.ErrorContains(t, c.try(t, greedy), "sidecar-memory: a LimitRange of the namespace allows a container to request 256Mi at most, and not 1Gi")
}

func TestE55AnOrasCacheThatIsNotThereIsDeniedAndOneThatIsNotReadyIsWarnedOf(t *testing.T) {
	t.Parallel()
	c := connect(t)
	ns := c.namespace(t, nil)
	assert.ErrorContains(t, c.try(t, marked(ns)), `oras-cache: there is no OrasCache "oras" in namespace "`+ns+`"; create it, or name one that exists`)
	assert.NilError(t, c.Create(within(t), &v1alpha1.OrasCache{
		ObjectMeta: metav1.ObjectMeta{Name: "oras", Namespace: ns}, Spec: v1alpha1.OrasCacheSpec{Deploy: new(false)},
	}))
	await(t, "the OrasCache is known", func(ctx context.Context) (bool, error) {
		err := c.Create(ctx, marked(ns), client.DryRunAll)
		return err != nil && strings.Contains(err.Error(), "runs no registry (spec.deploy is false)"), nil
	})

	waiting := c.namespace(t, nil)
	assert.NilError(t, c.Create(within(t), &v1alpha1.OrasCache{
		ObjectMeta: metav1.ObjectMeta{Name: "oras", Namespace: waiting},
		Spec:       v1alpha1.OrasCacheSpec{Storage: v1alpha1.StorageSpec{StorageClassName: new("none")}},
	}))
	heard, told := c.heard(t)
	await(t, "the pod is admitted with a warning that says what its OrasCache lacks", func(ctx context.Context) (bool, error) {
		err := heard.Create(ctx, marked(waiting), client.DryRunAll)
		return slices.ContainsFunc(*told, func(warning string) bool {
			return strings.Contains(warning, `OrasCache "oras" is not ready, and the step waits for it: PersistentVolumeClaim oras-data is not bound`)
		}), err
	})
}

// Keys of the Job's own metadata reach its template when it is created, and never again.
func TestKeysOfAJobThatIsThereAlreadyAreWarnedOf(t *testing.T) {
	t.Parallel()
	c, ns := withCache(t, nil)
	late := job{name: "late", args: []string{"identity"}}.object(ns)
	assert.NilError(t, c.Create(within(t), late))
	heard, told := c.heard(t)
	before := client.MergeFrom(late.DeepCopy())
	metav1.SetMetaDataAnnotation(&late.ObjectMeta, "example.org/other", "x")
	assert.NilError(t, heard.Patch(within(t), late, before))
	assert.Equal(t, len(*told), 0)
	before = client.MergeFrom(late.DeepCopy())
	metav1.SetMetaDataAnnotation(&late.ObjectMeta, v1alpha1.KeyPrefix+"output-uri", "x")
	assert.NilError(t, heard.Patch(within(t), late, before))
	assert.DeepEqual(t, []string(*told), []string{"output-uri: changed in a Job that is there already, which has no effect; delete the Job and create it again"})
}

// warnings are what the API server has told a client.
type warnings []string

// heard is a client that keeps the warnings that it gets.
func (c *cluster) heard(t *testing.T) (client.Client, *warnings) {
	t.Helper()
	told := &warnings{}
	config := rest.CopyConfig(c.Config)
	config.WarningHandler = told
	heard, err := client.New(config, client.Options{Scheme: c.Scheme()})
	assert.NilError(t, err)
	return heard, told
}

// HandleWarningHeader is that of [rest.WarningHandler].
func (w *warnings) HandleWarningHeader(_ int, _, text string) { *w = append(*w, text) }

// mistake is a row of the table of mistakes in config/steps.md: key, value and error.
var mistake = regexp.MustCompile("(?m)^\\| `([^`]+)` \\| (?:`([^`]*)`)? \\| (.+) \\|$")

func TestE56EveryMistakeIsTold(t *testing.T) {
	t.Parallel()
	c := connect(t)
	ns := c.namespace(t, nil)
	page, err := os.ReadFile("../../config/steps.md")
	assert.NilError(t, err)
	_, table, found := strings.Cut(string(page), "<!-- mistakes:")
	assert.Assert(t, found)
	table, _, found = strings.Cut(table, "<!-- end of mistakes -->")
	assert.Assert(t, found)
	told := 0
	for _, row := range mistake.FindAllStringSubmatch(table, -1) {
		key, want := row[1], strings.ReplaceAll(row[3], `\|`, "|")
		value, err := strconv.Unquote(`"` + strings.ReplaceAll(row[2], `\|`, "|") + `"`)
		assert.NilError(t, err)
		if strings.HasSuffix(value, "…") {
			continue // the table does not show all of it
		}
		pod := marked(ns)
		pod.Labels, pod.Annotations = nil, prefixed(keys{"registry": "r.example.org", "input-uri": "a", "output-uri": "b"})
		pod.Annotations[v1alpha1.KeyPrefix+key] = value
		assert.ErrorContains(t, c.try(t, pod), "this pod cannot be a step of a workflow: "+want)
		told++
	}
	assert.Assert(t, told > 50, "%d rows", told)
}

func TestE60WorkloadsAreCheckedWhenTheyAreWritten(t *testing.T) {
	t.Parallel()
	c, ns := withCache(t, nil)
	template := corev1.PodTemplateSpec{Spec: marked(ns).Spec}
	template.Labels = prefixed(keys{"oras-cache": "oras", "output-uri": "x", "output-on": "sometimes"})
	template.Labels["app"] = "x"
	always := *template.DeepCopy()
	always.Spec.RestartPolicy = corev1.RestartPolicyAlways
	meta := metav1.ObjectMeta{Name: "workload", Namespace: ns}
	for webhook, object := range map[string]client.Object{
		"cronjobs": &batchv1.CronJob{ObjectMeta: meta, Spec: batchv1.CronJobSpec{
			Schedule: "0 0 * * *", JobTemplate: batchv1.JobTemplateSpec{Spec: batchv1.JobSpec{Template: template}},
		}},
		"templates": &appsv1.Deployment{ObjectMeta: meta, Spec: appsv1.DeploymentSpec{
			Selector: &metav1.LabelSelector{MatchLabels: map[string]string{"app": "x"}}, Template: always,
		}},
	} {
		err := c.try(t, object)
		assert.ErrorContains(t, err, `output-on: "sometimes" is not one of success, failure, always`)
		assert.ErrorContains(t, err, webhook+".oras.converged-computing.github.io")
	}
}

func TestE61PodsOnTheNodesNetworkAndWithVolumesOfEveryKind(t *testing.T) {
	t.Parallel()
	c, ns := withCache(t, nil)
	pod := marked(ns)
	pod.Spec.HostNetwork = true
	assert.ErrorContains(t, c.try(t, pod), "set spec.dnsPolicy to ClusterFirstWithHostNet")
	pod.Spec.HostPID, pod.Spec.DNSPolicy = true, corev1.DNSClusterFirstWithHostNet
	pod.Annotations = prefixed(keys{"input-uri": "in", "input-path": "/data", "output-path": "/out/results", "output-on": "always"})
	volume := func(name string, source corev1.VolumeSource) corev1.Volume {
		return corev1.Volume{Name: name, VolumeSource: source}
	}
	pod.Spec.Volumes = []corev1.Volume{
		volume("claim", corev1.VolumeSource{PersistentVolumeClaim: &corev1.PersistentVolumeClaimVolumeSource{ClaimName: "some"}}),
		volume("projected", corev1.VolumeSource{Projected: &corev1.ProjectedVolumeSource{Sources: []corev1.VolumeProjection{
			{DownwardAPI: &corev1.DownwardAPIProjection{Items: []corev1.DownwardAPIVolumeFile{{Path: "name", FieldRef: &corev1.ObjectFieldSelector{FieldPath: "metadata.name"}}}}},
		}}}),
	}
	pod.Spec.Containers[0].VolumeMounts = []corev1.VolumeMount{
		{Name: "claim", MountPath: "/data", SubPath: "in", ReadOnly: true}, {Name: "claim", MountPath: "/out", SubPath: "out"},
		{Name: "projected", MountPath: "/etc/pod"},
	}
	assert.NilError(t, c.try(t, pod))
	sidecar := pod.Spec.InitContainers[1]
	var found []string
	for _, m := range sidecar.VolumeMounts {
		if m.Name == "claim" {
			found = append(found, m.SubPath)
		}
		assert.Assert(t, m.Name != "projected")
	}
	assert.DeepEqual(t, found, []string{"in", "out"})
}

// What goes in and what comes out lie on one claim, which a single pod may have, in directories of their own.
func TestE61AClaimOfOnePodHoldsInputsAndOutputs(t *testing.T) {
	t.Parallel()
	c, ns := withCache(t, nil)
	c.push(t, ns, "in:v1", map[string]string{"file": "given"})
	assert.NilError(t, c.Create(within(t), &corev1.PersistentVolumeClaim{
		ObjectMeta: metav1.ObjectMeta{Name: "work", Namespace: ns},
		Spec: corev1.PersistentVolumeClaimSpec{
			AccessModes: []corev1.PersistentVolumeAccessMode{corev1.ReadWriteOncePod},
			Resources:   corev1.VolumeResourceRequirements{Requests: corev1.ResourceList{corev1.ResourceStorage: resource.MustParse("1Gi")}},
		},
	}))
	step := job{
		name:        "claims",
		labels:      keys{"oras-cache": "oras"},
		annotations: keys{"input-uri": "in:v1", "input-path": "/data", "output-uri": "out:v1", "output-path": "/out/results", "output-on": "always"},
		args:        []string{"must-be-read-only", "/data", "copy", "/data/file", "/out/results/file"},
	}.object(ns)
	pod := &step.Spec.Template.Spec
	pod.SecurityContext = &corev1.PodSecurityContext{FSGroup: new(int64(1234))}
	pod.Volumes = []corev1.Volume{{Name: "claim", VolumeSource: corev1.VolumeSource{
		PersistentVolumeClaim: &corev1.PersistentVolumeClaimVolumeSource{ClaimName: "work"},
	}}}
	pod.Containers[0].VolumeMounts = []corev1.VolumeMount{
		{Name: "claim", MountPath: "/data", SubPath: "in", ReadOnly: true}, {Name: "claim", MountPath: "/out", SubPath: "out"},
	}
	assert.NilError(t, c.Create(within(t), step))
	c.complete(t, ns, "claims")
	assert.DeepEqual(t, c.pull(t, ns, "out:v1"), map[string]string{"file": "given"})
}
