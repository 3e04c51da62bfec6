package artifact

import (
	"encoding/json"
	"fmt"
	"iter"

	"github.com/opencontainers/go-digest"
	"github.com/opencontainers/image-spec/specs-go"
	ocispec "github.com/opencontainers/image-spec/specs-go/v1"
)

// Blob is small content with its descriptor: a config, a document of an index, a manifest.
type Blob struct {
	Descriptor ocispec.Descriptor
	Content    []byte
}

// NewBlob describes content.
func NewBlob(mediaType string, content []byte) Blob {
	return Blob{
		Descriptor: ocispec.Descriptor{MediaType: mediaType, Digest: digest.FromBytes(content), Size: int64(len(content))},
		Content:    content,
	}
}

// NewManifest describes a tree by its content layers, the entries of its index and its lineage. It returns the manifest and the blobs
// that it names besides the content layers: config, documents of a large index, the empty layer. They are to be pushed
// before it. A manifest above [MaxManifest] is an error, since no registry takes it.
func NewManifest(layers []ocispec.Descriptor, entries iter.Seq[Entry], l Lineage) (manifest Blob, others []Blob, err error) {
	documents, err := EncodeIndex(entries)
	if err != nil {
		return Blob{}, nil, err
	}
	m := ocispec.Manifest{
		Versioned:    specs.Versioned{SchemaVersion: 2},
		MediaType:    ocispec.MediaTypeImageManifest,
		ArtifactType: ArtifactType,
		Layers:       append([]ocispec.Descriptor{}, layers...),
		Annotations:  l.Annotations(),
	}
	empty := Blob{Descriptor: ocispec.DescriptorEmptyJSON, Content: ocispec.DescriptorEmptyJSON.Data}
	empty.Descriptor.Data = nil
	if len(documents) == 1 {
		others = append(others, NewBlob(MediaTypeIndex, documents[0]))
		m.Config = others[0].Descriptor
	} else {
		others = append(others, empty)
		m.Config = empty.Descriptor
		for _, document := range documents {
			blob := NewBlob(MediaTypeIndex, document)
			others = append(others, blob)
			m.Layers = append(m.Layers, blob.Descriptor)
		}
	}
	if len(m.Layers) == 0 {
		others = append(others, empty)
		m.Layers = []ocispec.Descriptor{empty.Descriptor}
	}
	content, err := json.Marshal(m)
	if err != nil {
		return Blob{}, nil, fmt.Errorf("encoding manifest: %w", err)
	}
	if len(content) > MaxManifest {
		return Blob{}, nil, fmt.Errorf("a manifest of %d bytes is larger than the %d that registries take", len(content), MaxManifest)
	}
	return NewBlob(ocispec.MediaTypeImageManifest, content), others, nil
}

// IndexDescriptors returns where the index of a manifest is: its config, or its index layers. It returns nothing for a
// manifest of another artifact type.
func IndexDescriptors(m ocispec.Manifest) []ocispec.Descriptor {
	if m.ArtifactType != ArtifactType {
		return nil
	}
	if m.Config.MediaType == MediaTypeIndex {
		return []ocispec.Descriptor{m.Config}
	}
	var found []ocispec.Descriptor
	for _, layer := range m.Layers {
		if layer.MediaType == MediaTypeIndex {
			found = append(found, layer)
		}
	}
	return found
}
