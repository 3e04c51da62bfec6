// Package imageconfig tells what command an image runs, which Kubernetes tells no webhook. It asks the image's registry as
// a node would, for as many architectures as the image may run on, and remembers the answer by digest.
//
// Whoever may create a pod names the registry, which may be anything: what it takes of time and memory is bounded, it is not
// asked at addresses that images should not lead to, and nothing of its answer but a status is told.
package imageconfig
