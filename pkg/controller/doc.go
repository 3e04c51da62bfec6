// Package controller keeps what an OrasCache asks for: one registry, its storage, its Services and what is around them, in
// the namespace of the OrasCache.
//
// What is wanted is built by pure functions: the workload (workload.go, volumes.go) with the settings of the operator's own
// registry (settings.go) or the variables of another (foreign.go), the Services (objects.go), the claim (claim.go), who may do what
// (rights.go), and what guards it (network.go). It is applied by server-side apply (apply.go), and what came of it is told in the
// status (status.go). Secrets are made or read on the way: certificates (certificate.go, by an [Issuer]) and users (htpasswd.go).
// The reconciler (reconcile.go) reads from the API server itself: its caches, which are limited to what carries the operator's
// labels, only tell it when to look. A second, small one (usage.go) asks registries how full they are.
package controller
