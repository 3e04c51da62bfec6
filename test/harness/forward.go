package harness

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"strconv"

	"k8s.io/client-go/tools/portforward"
	"k8s.io/client-go/transport/spdy"
)

// Forward opens a way to a port of a pod and returns its host:port on this machine. It ends with ctx, or when the way
// breaks, which closes ended.
func (c *Cluster) Forward(ctx context.Context, namespace, pod string, port int) (address string, ended <-chan struct{}, err error) {
	transport, upgrader, err := spdy.RoundTripperFor(c.Config)
	if err != nil {
		return "", nil, err
	}
	url := c.Kube.CoreV1().RESTClient().Post().Resource("pods").Namespace(namespace).Name(pod).SubResource("portforward").URL()
	dialer := spdy.NewDialer(upgrader, &http.Client{Transport: transport}, http.MethodPost, url)
	ready := make(chan struct{})
	forwarder, err := portforward.New(dialer, []string{"0:" + strconv.Itoa(port)}, ctx.Done(), ready, io.Discard, io.Discard)
	if err != nil {
		return "", nil, err
	}
	broken, closed := make(chan error, 1), make(chan struct{})
	go func() {
		defer close(closed)
		broken <- forwarder.ForwardPorts()
	}()
	select {
	case <-ready:
	case err := <-broken:
		return "", nil, fmt.Errorf("forwarding a port to %s: %w", pod, err)
	}
	ports, err := forwarder.GetPorts()
	if err != nil {
		return "", nil, err
	}
	return "localhost:" + strconv.Itoa(int(ports[0].Local)), closed, nil
}
