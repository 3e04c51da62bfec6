// Command network connects the pods of all nodes. It runs once on every node,
// in the node's network namespace, and keeps three things as the cluster's
// list of nodes says:
//
//  1. the CNI configuration of this node, with the node's own podCIDR;
//  2. a route to every other node's podCIDR by that node's address;
//  3. one rule that lets pods reach the world outside under the node's address.
//
// Environment: NODE_NAME, the node it runs on; POD_SUBNET, the range that all
// podCIDRs are part of; KUBERNETES_SERVICE_HOST and _PORT as in any pod.
package main

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"encoding/json"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"strings"
	"syscall"
	"time"
)

const (
	account  = "/var/run/secrets/kubernetes.io/serviceaccount"
	confFile = "/etc/cni/net.d/10-oras.conflist"
	interval = 2 * time.Second
)

type node struct {
	Metadata struct{ Name string }
	Spec     struct{ PodCIDR string }
	Status   struct {
		Addresses []struct{ Type, Address string }
	}
}

func (n node) internalIP() string {
	for _, a := range n.Status.Addresses {
		if a.Type == "InternalIP" {
			return a.Address
		}
	}
	return ""
}

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGINT, syscall.SIGTERM)
	defer stop()
	self, subnet := os.Getenv("NODE_NAME"), os.Getenv("POD_SUBNET")
	for {
		if err := reconcile(ctx, self, subnet); err != nil {
			slog.Error("connecting the node", "node", self, "error", err)
		}
		select {
		case <-ctx.Done():
			return
		case <-time.After(interval):
		}
	}
}

func reconcile(ctx context.Context, self, subnet string) error {
	nodes, err := list(ctx)
	if err != nil {
		return fmt.Errorf("listing nodes: %w", err)
	}
	if err := masquerade(ctx, subnet); err != nil {
		return err
	}
	for _, n := range nodes {
		if n.Spec.PodCIDR == "" {
			continue
		}
		if n.Metadata.Name == self {
			err = configure(n.Spec.PodCIDR)
		} else if ip := n.internalIP(); ip != "" {
			err = command(ctx, "ip", "route", "replace", n.Spec.PodCIDR, "via", ip)
		}
		if err != nil {
			return err
		}
	}
	return nil
}

func list(ctx context.Context) ([]node, error) {
	// Both are read anew each time: the kubelet rotates the token.
	token, err := os.ReadFile(filepath.Join(account, "token"))
	if err != nil {
		return nil, err
	}
	ca, err := os.ReadFile(filepath.Join(account, "ca.crt"))
	if err != nil {
		return nil, err
	}
	roots := x509.NewCertPool()
	roots.AppendCertsFromPEM(ca)
	client := &http.Client{
		Timeout: 10 * time.Second,
		Transport: &http.Transport{
			TLSClientConfig:   &tls.Config{RootCAs: roots, MinVersion: tls.VersionTLS12},
			DisableKeepAlives: true,
		},
	}
	server := net.JoinHostPort(os.Getenv("KUBERNETES_SERVICE_HOST"), os.Getenv("KUBERNETES_SERVICE_PORT"))
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, "https://"+server+"/api/v1/nodes", nil)
	if err != nil {
		return nil, err
	}
	request.Header.Set("Authorization", "Bearer "+strings.TrimSpace(string(token)))
	response, err := client.Do(request)
	if err != nil {
		return nil, err
	}
	defer func() { _ = response.Body.Close() }()
	if response.StatusCode != http.StatusOK {
		return nil, fmt.Errorf("the API server answers %s", response.Status)
	}
	var nodes struct{ Items []node }
	err = json.NewDecoder(response.Body).Decode(&nodes)
	return nodes.Items, err
}

// configure writes the CNI configuration. Pods hang on the node by a routed
// pair of interfaces (ptp) and not on a bridge, so that every packet passes the
// node's rules and a Service works between two pods of one node as well.
func configure(podCIDR string) error {
	conf := fmt.Sprintf(`{
  "cniVersion": "0.3.1",
  "name": "oras",
  "plugins": [
    {
      "type": "ptp",
      "ipam": {
        "type": "host-local",
        "dataDir": "/run/cni-ipam-state",
        "ranges": [[{"subnet": %q}]],
        "routes": [{"dst": "0.0.0.0/0"}]
      }
    },
    {"type": "portmap", "capabilities": {"portMappings": true}}
  ]
}
`, podCIDR)
	if old, err := os.ReadFile(confFile); err == nil && string(old) == conf {
		return nil
	}
	temp := confFile + ".new"
	if err := os.WriteFile(temp, []byte(conf), 0o644); err != nil {
		return err
	}
	return os.Rename(temp, confFile)
}

func masquerade(ctx context.Context, subnet string) error {
	rule := []string{"POSTROUTING", "-s", subnet, "!", "-d", subnet, "-j", "MASQUERADE"}
	if command(ctx, "iptables", append([]string{"-w", "-t", "nat", "-C"}, rule...)...) == nil {
		return nil
	}
	return command(ctx, "iptables", append([]string{"-w", "-t", "nat", "-A"}, rule...)...)
}

func command(ctx context.Context, name string, args ...string) error {
	if out, err := exec.CommandContext(ctx, name, args...).CombinedOutput(); err != nil {
		return fmt.Errorf("%s %s: %w: %s", name, strings.Join(args, " "), err, strings.TrimSpace(string(out)))
	}
	return nil
}
