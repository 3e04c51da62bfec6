package v1alpha1

import (
	"cmp"
	"strconv"

	"k8s.io/utils/ptr"
)

// Port is the TCP port that every registry of an OrasCache serves on, in its pod and at its Service.
const Port = 5000

// Endpoint is host:port of a registry behind a Service, for anyone in the cluster.
func Endpoint(namespace, service string) string {
	return service + "." + namespace + ".svc:" + strconv.Itoa(Port)
}

// IsDeployed tells whether the OrasCache wants a registry to run.
func (c *OrasCache) IsDeployed() bool { return ptr.Deref(c.Spec.Deploy, true) }

// ServiceName is the name of the Service by which the registry is reached.
func (c *OrasCache) ServiceName() string { return cmp.Or(c.Spec.Service.Name, c.Name) }

// Endpoint is host:port of the registry, for anyone in the cluster.
func (c *OrasCache) Endpoint() string { return Endpoint(c.Namespace, c.ServiceName()) }
