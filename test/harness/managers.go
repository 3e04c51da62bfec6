package harness

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"

	dto "github.com/prometheus/client_model/go"
	"github.com/prometheus/common/expfmt"
	corev1 "k8s.io/api/core/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"
)

// Metrics are the families of metrics of a process, by their names.
type Metrics map[string]*dto.MetricFamily

// The operator, as config/ names it.
const (
	OperatorNamespace = "oras-operator-system"
	OperatorName      = "oras-operator"
)

// Managers returns the pods of the operator, as it is installed.
func (c *Cluster) Managers(ctx context.Context) ([]corev1.Pod, error) {
	var pods corev1.PodList
	err := c.List(ctx, &pods, client.InNamespace(OperatorNamespace), client.MatchingLabels{"app.kubernetes.io/name": OperatorName})
	if err == nil && len(pods.Items) == 0 {
		err = errors.New("the operator is not installed")
	}
	return pods.Items, err
}

// Metrics reads those of a manager by way of the API server, in the encoding that has the fine buckets of histograms.
func (c *Cluster) Metrics(ctx context.Context, manager corev1.Pod) (Metrics, error) {
	format := expfmt.NewFormat(expfmt.TypeProtoDelim)
	body, err := c.Kube.CoreV1().RESTClient().Get().
		Namespace(manager.Namespace).Resource("pods").Name(manager.Name+":8080").SubResource("proxy").Suffix("metrics").
		SetHeader("Accept", string(format)).DoRaw(ctx)
	if err != nil {
		return nil, fmt.Errorf("reading the metrics of %s: %w", manager.Name, err)
	}
	all := Metrics{}
	for decoder := expfmt.NewDecoder(bytes.NewReader(body), format); ; {
		var family dto.MetricFamily
		switch err := decoder.Decode(&family); {
		case errors.Is(err, io.EOF):
			return all, nil
		case err != nil:
			return nil, fmt.Errorf("decoding the metrics of %s: %w", manager.Name, err)
		}
		all[family.GetName()] = &family
	}
}

// WebhookRequests counts what all managers were asked by the API server since they started, and how often they know how long
// their own part of the answer took.
func (c *Cluster) WebhookRequests(ctx context.Context) (asked, timed uint64, err error) {
	managers, err := c.Managers(ctx)
	if err != nil {
		return 0, 0, err
	}
	for _, manager := range managers {
		metrics, err := c.Metrics(ctx, manager)
		if err != nil {
			return 0, 0, err
		}
		for _, metric := range metrics["controller_runtime_webhook_requests_total"].GetMetric() {
			asked += uint64(metric.GetCounter().GetValue())
		}
		for _, metric := range metrics["oras_operator_admission_duration_seconds"].GetMetric() {
			timed += metric.GetHistogram().GetSampleCount()
		}
	}
	return asked, timed, nil
}

// PeakMemory is the most memory, in bytes, that a manager's process had resident since it started.
func (c *Cluster) PeakMemory(ctx context.Context, manager corev1.Pod) (int64, error) {
	id, err := c.ContainerID(ctx, &manager, "manager")
	if err != nil {
		return 0, err
	}
	output, err := c.OnNode(ctx, manager.Spec.NodeName, "/app", "peak-memory", id)
	if err != nil {
		return 0, err
	}
	var kibibytes int64
	if _, err := fmt.Sscanf(output, "%d kB", &kibibytes); err != nil {
		return 0, fmt.Errorf("reading the peak memory of %s in %q: %w", manager.Name, output, err)
	}
	return kibibytes << 10, nil
}
