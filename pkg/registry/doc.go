// Package registry is the registry built into the operator: the CNCF distribution registry as a library, behind an HTTP
// server of our own. What a request meets there, and in which order, is [README.md]; the code of that is newStack.
//
// [New] gives the handler, for a server or a test; [Serve] is the whole server, as `operator registry` runs it.
//
// [README.md]: https://github.com/converged-computing/oras-operator/blob/main/pkg/registry/README.md
package registry
