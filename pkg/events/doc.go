// Package events puts on each pod that is a step the Events that tell people how its hand-off went.
//
// All that is told stands in the pod's status: in the termination messages of the sidecar, whose lines are notices of
// package handoff, and of the containers that end with one of its exit codes. What an Event says and what it is named
// follow from the pod alone (telling.go, event.go), so nothing needs to be remembered: it is created once (reconcile.go),
// and an operator that starts again finds it there.
package events
