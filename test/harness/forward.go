package harness

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strconv"

	"k8s.io/client-go/tools/portforward"
	"k8s.io/client-go/transport/spdy"
)

// errForwardEnded is why forwarding ended that ended without an error.
var errForwardEnded = errors.New("the port is forwarded no longer")

// Forward forwards a port of a pod to this machine and returns its host:port here. The context that it returns ends with ctx,
// or when the forwarding does, and its cause says why.
func (c *Cluster) Forward(ctx context.Context, namespace, pod string, port int) (address string, open context.Context, err error) {
	transport, upgrader, err := spdy.RoundTripperFor(c.Config)
	if err != nil {
		return "", nil, err
	}
	url := c.Kube.CoreV1().RESTClient().Post().Resource("pods").Namespace(namespace).Name(pod).SubResource("portforward").URL()
	dialer := spdy.NewDialer(upgrader, &http.Client{Transport: transport}, http.MethodPost, url)
	open, end := context.WithCancelCause(ctx)
	ready := make(chan struct{})
	forwarder, err := portforward.New(dialer, []string{"0:" + strconv.Itoa(port)}, open.Done(), ready, io.Discard, io.Discard)
	if err != nil {
		end(err)
		return "", nil, err
	}
	go func() { end(cmp.Or(forwarder.ForwardPorts(), errForwardEnded)) }()
	select {
	case <-ready:
	case <-open.Done():
		return "", nil, fmt.Errorf("forwarding a port to %s: %w", pod, context.Cause(open))
	}
	ports, err := forwarder.GetPorts()
	if err != nil {
		end(err)
		return "", nil, err
	}
	return "localhost:" + strconv.Itoa(int(ports[0].Local)), open, nil
}
