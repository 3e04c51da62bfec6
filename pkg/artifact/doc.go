// Package artifact is the layout of an artifact: how a file tree becomes layers, an index of the tree and a manifest, and
// how to read them back. It is pure: it neither knows a network nor a file system.
//
// README.md is the specification; the code follows its sections:
//
//   - [NewLayout] decides which layer holds which path,
//   - [PackWriter] and [NewGzip] write a pack, [Unpack] reads one,
//   - [Index] is the tree index, [EncodeIndex] and [DecodeIndex] its bytes,
//   - [Lineage] is what the annotations say about the origin, [NewManifest] puts all of it together.
package artifact
