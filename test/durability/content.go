package durability

import (
	"encoding/binary"
	"encoding/json"
	"fmt"
	"math/rand/v2"

	"github.com/opencontainers/go-digest"
	"github.com/opencontainers/image-spec/specs-go"
	ocispec "github.com/opencontainers/image-spec/specs-go/v1"
)

// manyLayers is how many different layers there are: so few that each is collected now and then, and pushed again.
const manyLayers = 300

// layer returns one of the layers that all workers share. Most are small, one in ten is of a hundred or two KiB, and one in fifty of a MiB
// or more.
func layer(seed uint64, i int) []byte {
	r := rand.New(rand.NewPCG(seed, uint64(i)))
	size := 1 + r.IntN(8<<10)
	switch {
	case i%50 == 0:
		size = 1<<20 + r.IntN(1<<19)
	case i%10 == 0:
		size = 100<<10 + r.IntN(100<<10)
	}
	data := make([]byte, size)
	var key [32]byte
	binary.LittleEndian.PutUint64(key[:], r.Uint64())
	_, _ = rand.NewChaCha8(key).Read(data) // it never fails
	return data
}

// blob is content and its name.
type blob struct {
	digest digest.Digest
	data   []byte
}

func newBlob(data []byte) blob { return blob{digest.FromBytes(data), data} }

func (b blob) descriptor(mediaType string) ocispec.Descriptor {
	return ocispec.Descriptor{MediaType: mediaType, Digest: b.digest, Size: int64(len(b.data))}
}

// newImage makes a manifest of layers, with a config that no other manifest has.
func newImage(name string, layers []blob, subject *ocispec.Descriptor) *manifest {
	config := newBlob(fmt.Appendf(nil, `{"made":%q}`, name))
	image := ocispec.Manifest{
		Versioned: specs.Versioned{SchemaVersion: 2}, MediaType: ocispec.MediaTypeImageManifest,
		ArtifactType: "application/vnd.durability", Config: config.descriptor("application/vnd.durability.config"),
		Layers: []ocispec.Descriptor{}, Subject: subject,
	}
	for _, l := range layers {
		image.Layers = append(image.Layers, l.descriptor("application/octet-stream"))
	}
	m := &manifest{blob: newBlob(marshal(image)), mediaType: image.MediaType, blobs: append(layers, config)}
	if subject != nil {
		m.subject = subject.Digest
	}
	return m
}

// newIndex makes a manifest of manifests.
func newIndex(name string, lists []*manifest) *manifest {
	index := ocispec.Index{
		Versioned: specs.Versioned{SchemaVersion: 2}, MediaType: ocispec.MediaTypeImageIndex,
		Annotations: map[string]string{"made": name},
	}
	for _, m := range lists {
		index.Manifests = append(index.Manifests, m.descriptor(m.mediaType))
	}
	return &manifest{blob: newBlob(marshal(index)), mediaType: index.MediaType, lists: lists}
}

func marshal(v any) []byte {
	data, err := json.Marshal(v)
	if err != nil {
		panic(err) // what is marshalled here always can be
	}
	return data
}
