// Package transfer moves file trees to and from registries as artifacts. It knows nothing of Kubernetes.
//
// A tree comes from a [Source] and goes into a [Sink]; a registry is reached through a [Registry]. [Push], [Pull], [Patch],
// [Copy], [Cat], [Resolve], [Files], [Tags], [Registry.Repositories] and [Registry.Match] are the verbs. What a tree becomes is
// decided by pkg/artifact.
//
// All of them retry what may pass (see [Transient]) for as long as their [Retry] and the deadline of their context allow,
// return [*Error] for what a registry or a tree did, and never put a credential into an error.
//
// # How blobs move
//
// A push reads each file once and writes none. Packs and files up to 8 MiB are made in memory, several at once, looked for by
// their digest, and sent in one request if they are not there. A larger file is hashed while it is sent, in parts of 64 MiB
// (of 8 MiB where it is packed too), unless the tag has a layer of its size already: then it is likely to be that, and its
// digest comes first. A part that is cut off goes on where the registry says that it is; a registry that takes no parts gets
// whole blobs; a connection on which no byte moves for a minute counts as cut off. What a [Base] knows is mounted, not read.
//
// A pull fetches small blobs whole and those from 24 MiB on in segments, several at once, and hashes and writes them in
// order as they arrive. A segment is 12 MiB, and up to 96 MiB where the reader is slower than the registry. What is in place
// already is only checked, and what a pull that was killed has left of a large file is gone on with
// (tree.WriterOptions.Resume).
//
// Memory is bounded by what is in flight: 16 MiB for each layer of a push; in a pull 12 MiB for each layer that may be under
// way, and never less than two of them; and some 600 bytes for each name in the tree.
package transfer
