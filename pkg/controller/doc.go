// Package controller keeps what an OrasCache asks for: one registry, its storage and its Services, in the namespace of
// the OrasCache.
//
// What is wanted is built by pure functions (objects.go, workload.go), applied by server-side apply (apply.go), and what
// came of it is told in the status (status.go). The reconciler (reconcile.go) reads from the API server itself: its
// caches, which are limited to what carries the operator's labels, only tell it when to look.
package controller
