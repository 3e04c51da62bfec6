package main

import (
	"context"
	"crypto/tls"
	"fmt"
	"log/slog"
	"maps"

	"github.com/go-logr/logr"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/client-go/discovery"
	"k8s.io/client-go/rest"
	"k8s.io/klog/v2"
	ctrl "sigs.k8s.io/controller-runtime"
	"sigs.k8s.io/controller-runtime/pkg/cache"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/client/config"
	"sigs.k8s.io/controller-runtime/pkg/healthz"
	metricsserver "sigs.k8s.io/controller-runtime/pkg/metrics/server"
	ctrlwebhook "sigs.k8s.io/controller-runtime/pkg/webhook"

	"github.com/converged-computing/oras-operator/pkg/apis/v1alpha1"
	"github.com/converged-computing/oras-operator/pkg/controller"
	"github.com/converged-computing/oras-operator/pkg/events"
	"github.com/converged-computing/oras-operator/pkg/webhook"
)

// Names that config/ gives to what the manager works with.
const (
	leaseName             = "oras-operator"
	webhookService        = "oras-operator-webhook"
	webhookSecret         = "oras-operator-webhook-cert"
	webhookConfigurations = "oras-operator"
	registrySecret        = "oras-operator-registry-authority"
)

// runManager runs the manager until ctx ends.
func runManager(ctx context.Context, opts *managerOptions, log *slog.Logger) error {
	routeLibraryLogs(log)
	cluster, err := config.GetConfig()
	if err != nil {
		return fmt.Errorf("finding the cluster: %w", err)
	}
	scheme, err := v1alpha1.NewScheme()
	if err != nil {
		return err
	}
	webhookCerts, err := newCertificates(cluster, scheme, opts, log)
	if err != nil {
		return err
	}
	mgr, err := newManager(cluster, scheme, opts, webhookCerts.served)
	if err != nil {
		return fmt.Errorf("setting the manager up: %w", err)
	}
	end := &drain{delay: opts.shutdownDelay}
	if err := mgr.AddReadyzCheck("not-draining", end.ready); err != nil {
		return fmt.Errorf("adding a probe: %w", err)
	}
	issuer, err := newIssuer(cluster, scheme, opts, log)
	if err != nil {
		return err
	}
	err = controller.Register(mgr, controller.Options{
		OperatorImage: opts.operatorImage,
		Version:       version,
		Namespace:     opts.namespace,
		Issuer:        issuer,
	})
	if err != nil {
		return err
	}
	if err := events.Register(mgr); err != nil {
		return err
	}
	if opts.webhookPort != 0 {
		if err := addWebhooks(ctx, mgr, opts, webhookCerts, end); err != nil {
			return err
		}
	}
	log.Info("The manager starts.", "operatorImage", opts.operatorImage, "sidecarImage", opts.sidecarImage)
	serving, cancel := end.after(ctx)
	defer cancel()
	return mgr.Start(serving)
}

// newManager returns a manager that does nothing yet but probe and elect. Its webhook server serves the certificate that it is
// given, once something is registered with it.
func newManager(cluster *rest.Config, scheme *runtime.Scheme, opts *managerOptions, served certificate) (ctrl.Manager, error) {
	mgr, err := ctrl.NewManager(cluster, ctrl.Options{
		Scheme:                        scheme,
		Cache:                         cache.Options{ByObject: watched()},
		Metrics:                       metricsserver.Options{BindAddress: opts.metricsAddr},
		HealthProbeBindAddress:        opts.probeAddr,
		LeaderElection:                opts.leaderElect,
		LeaderElectionID:              leaseName,
		LeaderElectionNamespace:       opts.namespace,
		LeaderElectionReleaseOnCancel: true, // the process ends once the manager has stopped
		WebhookServer: ctrlwebhook.NewServer(ctrlwebhook.Options{
			Port: opts.webhookPort,
			TLSOpts: []func(*tls.Config){func(cfg *tls.Config) {
				cfg.MinVersion = tls.VersionTLS13
				cfg.GetCertificate = served.GetCertificate
			}},
		}),
	})
	if err != nil {
		return nil, err
	}
	return mgr, mgr.AddHealthzCheck("alive", healthz.Ping)
}

// watched limits what the manager caches, so that its memory does not grow with all that is in the cluster.
func watched() map[client.Object]cache.ByObject {
	all := controller.Watched()
	maps.Copy(all, events.Watched())
	maps.Copy(all, webhook.Watched())
	return all
}

// addWebhooks adds the webhooks, what keeps and follows their certificates, and the probes that say that the API server
// can call them.
func addWebhooks(ctx context.Context, mgr ctrl.Manager, opts *managerOptions, served certificates, end *drain) error {
	server, err := discovery.NewDiscoveryClientForConfigAndClient(mgr.GetConfig(), mgr.GetHTTPClient())
	if err != nil {
		return fmt.Errorf("connecting to the cluster: %w", err)
	}
	if err := served.add(mgr); err != nil {
		return err
	}
	hooks := webhook.Options{SidecarImage: opts.sidecarImage, LookUpImages: opts.lookUpImages, Server: server, Ending: end.begun.Load}
	if err := webhook.Register(ctx, mgr, hooks); err != nil {
		return err
	}
	if err := mgr.AddReadyzCheck("webhook-server", mgr.GetWebhookServer().StartedChecker()); err != nil {
		return fmt.Errorf("adding a probe: %w", err)
	}
	return nil
}

// routeLibraryLogs has controller-runtime, client-go and the servers of net/http log to log. All of them keep their
// logger for the whole process.
func routeLibraryLogs(log *slog.Logger) {
	slog.SetDefault(log)
	ctrl.SetLogger(logr.FromSlogHandler(log.Handler()))
	klog.SetSlogLogger(log)
}
