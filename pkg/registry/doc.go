// Package registry is the registry built into the operator: the CNCF distribution registry as a library, behind an HTTP
// server of our own that answers probes, writes one access log and drains.
//
// [New] gives the handler, for a server or a test; [Serve] is the whole server, as `operator registry` runs it.
package registry
