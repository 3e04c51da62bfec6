// Package access decides, before a registry answers a request, who sent it and whether they may: nobody is asked, or users of
// a file of bcrypt lines, or the ServiceAccounts of one namespace of a cluster, as far as its RBAC lets them.
//
// [New] makes a [Guard] from a [Config], and [Guard.Handler] stands before the registry's own handler. What a request asks for
// is decided by its method and path alone (rights.go). Section "Access" of the registry's README is the specification.
//
// No token and no password is kept, logged or told: what has to be recognised again is kept as a keyed hash.
package access
