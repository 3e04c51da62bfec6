package transfer

import ocispec "github.com/opencontainers/image-spec/specs-go/v1"

// Result says what an operation did.
type Result struct {
	Descriptor ocispec.Descriptor // of the manifest
	Reference  string             // host/repository:tag, or @digest
	Files      int                // regular files, hard links not counted
	Bytes      int64              // in them
	Uploaded   int64              // bytes of blobs sent; what the registry had is not
	Blobs      int                // of a copy: in the artifact, Bytes large together
	Warnings   []string           // sentences for the log
	Base       *Base              // of a pull: for later pushes, see [Base]; nil for part of an artifact and for what others made
	Planned    []PlannedLayer     // of a dry run
}
