// Package transfer moves file trees to and from registries as artifacts. It knows nothing of Kubernetes.
//
// A tree comes from a [Source] and goes into a [Sink]; a registry is reached through a [Registry]. [Push], [Pull],
// [Copy], [Cat], [Resolve], [Files], [Tags] and [Registry.Repositories] are the verbs, one to a file. What a tree becomes
// is decided by pkg/artifact.
//
// All of them retry what may pass (see [Transient]) until the deadline of their context, return [*Error], and never put a
// credential into an error.
package transfer
