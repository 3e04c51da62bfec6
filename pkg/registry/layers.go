package registry

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"os"
	"path/filepath"
	"time"

	storagedriver "github.com/distribution/distribution/v3/registry/storage/driver"
	"github.com/prometheus/client_golang/prometheus"
	"k8s.io/apimachinery/pkg/util/uuid"
	"k8s.io/client-go/kubernetes"
	"k8s.io/client-go/rest"
	"k8s.io/client-go/tools/clientcmd"

	"github.com/converged-computing/oras-operator/pkg/registry/access"
	"github.com/converged-computing/oras-operator/pkg/registry/api"
	"github.com/converged-computing/oras-operator/pkg/registry/collect"
	"github.com/converged-computing/oras-operator/pkg/registry/collect/lease"
	"github.com/converged-computing/oras-operator/pkg/registry/internal/who"
	"github.com/converged-computing/oras-operator/pkg/registry/storage"
)

// abandonedAfter is how long an upload is kept that nobody goes on with.
const abandonedAfter = 24 * time.Hour

// newGuard makes the part that asks who it is. What it decides is counted, and who it was is known to the log.
func newGuard(cfg access.Config, registerer prometheus.Registerer, log *slog.Logger) (*access.Guard, error) {
	decisions := prometheus.NewCounterVec(prometheus.CounterOpts{
		Name: "oras_registry_access_decisions_total", Help: "Requests that access was decided for.",
	}, []string{"decision", "reason"})
	registerer.MustRegister(decisions)
	//nolint:contextcheck // what it makes outlives any request, and ends with Close
	return access.New(context.Background(), cfg, access.Options{
		Log: log,
		Decided: func(req *http.Request, d access.Decision) {
			who.Set(req.Context(), d.User)
			decision := "refused"
			if d.Allowed {
				decision = "allowed"
			}
			decisions.WithLabelValues(decision, d.Reason).Inc()
		},
	})
}

// newCollector makes the garbage collection of store, which registry and collector use by driver.
func newCollector(cfg collect.Config, store *storage.Store, driver storagedriver.StorageDriver, registerer prometheus.Registerer, log *slog.Logger) (*collect.Collector, error) {
	turn, err := turnOf(cfg, log)
	if err != nil {
		return nil, err
	}
	_, alone := store.Root() // a bucket may be others' too
	return collect.New(collect.Options{
		Driver: driver,
		Config: cfg,
		Shared: !alone,
		Log:    log,
		Turn:   turn,
		Done:   newCollectMetrics(registerer).done,
		Uploads: func(ctx context.Context) error {
			_, err := store.AbandonUploads(ctx, abandonedAfter)
			return err
		},
	}), nil
}

// turnOf says when it is this process that collects: when it holds the Lease, or, where there is none, always.
func turnOf(cfg collect.Config, log *slog.Logger) (collect.Turn, error) {
	if cfg.Lease == "" {
		return nil, nil
	}
	cluster, err := clusterOf(os.Getenv(clientcmd.RecommendedConfigPathEnvVar))
	if err != nil {
		return nil, fmt.Errorf("collect.lease: finding the cluster: %w", err)
	}
	client, err := kubernetes.NewForConfig(cluster)
	if err != nil {
		return nil, fmt.Errorf("collect.lease: connecting to the cluster: %w", err)
	}
	host, err := os.Hostname()
	if err != nil {
		return nil, fmt.Errorf("collect.lease: reading the name of this host: %w", err)
	}
	return lease.Turn{Leases: client.CoordinationV1(), Lease: cfg.Lease, Identity: host + "_" + string(uuid.NewUUID()), Log: log}, nil
}

// clusterOf says how to reach the cluster that this process is in or, outside of any, that of a kubeconfig, which may be a list of files, or
// empty.
func clusterOf(kubeconfig string) (*rest.Config, error) {
	cluster, err := rest.InClusterConfig()
	if errors.Is(err, rest.ErrNotInCluster) && kubeconfig != "" {
		rules := &clientcmd.ClientConfigLoadingRules{Precedence: filepath.SplitList(kubeconfig)}
		return clientcmd.NewNonInteractiveDeferredLoadingClientConfig(rules, &clientcmd.ConfigOverrides{}).ClientConfig()
	}
	return cluster, err
}

// inBackground runs collector until stop is called, which returns when it has ended.
func inBackground(collector *collect.Collector, log *slog.Logger) (stop func() error) {
	ctx, cancel := context.WithCancel(context.Background())
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		if err := collector.Run(ctx); err != nil && !errors.Is(err, context.Canceled) {
			log.Error("The garbage collection has ended.", "error", err)
		}
	}()
	return func() error {
		cancel()
		<-ended
		return nil
	}
}

// apiOf returns the layer of what the library does not do, over driver, which keeps its files below root, unless that is empty.
func apiOf(driver storagedriver.StorageDriver, root string) layer {
	return func(library http.Handler) http.Handler {
		return api.New(api.Options{Library: library, Driver: driver, Root: root})
	}
}
