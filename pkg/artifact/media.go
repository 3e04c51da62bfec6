package artifact

import ocispec "github.com/opencontainers/image-spec/specs-go/v1"

// Media types of this layout. See README.md.
const (
	ArtifactType   = "application/vnd.converged-computing.oras-operator.artifact.v1"
	MediaTypeIndex = "application/vnd.converged-computing.oras-operator.index.v1+json"
	MediaTypeRaw   = "application/octet-stream"
	MediaTypePack  = ocispec.MediaTypeImageLayerGzip
)

// AnnotationUnpack marks a layer that stock clients unpack ("true"). It is oras-go's content/file.AnnotationUnpack.
const AnnotationUnpack = "io.deis.oras.content.unpack"

// Bounds of this layout, in bytes but for MaxRawLayers. See README.md.
const (
	LargeFile     = 4 << 20 // from here on a file is a layer of its own
	PackSize      = 8 << 20 // uncompressed size that a pack does not exceed, unless it is one file
	MaxRawLayers  = 2000    // large files beyond which the threshold is raised
	MaxIndexBlob  = 3 << 20 // size that a document of the index does not exceed
	MaxManifest   = 4 << 20 // limit of registries and clients, from the OCI distribution specification 1.1
	MaxConfigBlob = 4 << 20 // limit of oras-go's content.FetchAll and others
)
