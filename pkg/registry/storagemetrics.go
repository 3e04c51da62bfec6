package registry

import (
	"context"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/converged-computing/oras-operator/pkg/registry/storage"
)

// storageCollector tells of the storage when it is asked: the space of its file system (of a bucket nobody knows it), and
// what the last look found.
type storageCollector struct {
	store  *storage.Store
	status func() (Status, bool)

	bytes, artifacts *prometheus.Desc
}

func newStorageCollector(store *storage.Store, status func() (Status, bool)) storageCollector {
	return storageCollector{
		store: store, status: status,
		bytes: prometheus.NewDesc("oras_registry_storage_bytes",
			"Bytes of all blobs as last looked at, and those of the file system that are free, or are there at all.",
			[]string{"of"}, nil),
		artifacts: prometheus.NewDesc("oras_registry_artifacts", "Manifests as last looked at.", nil, nil),
	}
}

// Describe names what may be told.
func (c storageCollector) Describe(descs chan<- *prometheus.Desc) {
	descs <- c.bytes
	descs <- c.artifacts
}

// Collect tells what is known.
func (c storageCollector) Collect(into chan<- prometheus.Metric) {
	gauge := func(desc *prometheus.Desc, value float64, labels ...string) {
		into <- prometheus.MustNewConstMetric(desc, prometheus.GaugeValue, value, labels...)
	}
	if status, ok := c.status(); ok {
		gauge(c.bytes, float64(status.Bytes), "blobs")
		gauge(c.artifacts, float64(status.Manifests))
	}
	if free, size, ok := c.store.Space(context.Background()); ok {
		gauge(c.bytes, float64(size), "size")
		gauge(c.bytes, float64(free), "free")
	}
}
