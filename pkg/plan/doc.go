// Package plan turns the metadata keys of a pod into one validated Plan. It is pure: no client, no clock, no pod. What
// depends on the pod itself, such as which containers there are, is decided by package inject.
package plan
