package v1alpha1

import "strconv"

// Port is the TCP port that every registry of an OrasCache serves on, in its pod and at its Service.
const Port = 5000

// Endpoint is host:port of the registry of an OrasCache, for anyone in the cluster.
func Endpoint(namespace, name string) string {
	return name + "." + namespace + ".svc:" + strconv.Itoa(Port)
}
