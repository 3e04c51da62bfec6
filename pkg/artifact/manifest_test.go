package artifact_test

import (
	"encoding/json"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/opencontainers/go-digest"
	ocispec "github.com/opencontainers/image-spec/specs-go/v1"
	"gotest.tools/v3/assert"

	"github.com/converged-computing/oras-operator/pkg/artifact"
	"github.com/converged-computing/oras-operator/pkg/tree"
)

func manifest(t *testing.T, layers []ocispec.Descriptor, x artifact.Index, l artifact.Lineage) (ocispec.Manifest, []artifact.Blob) {
	t.Helper()
	blob, others, err := artifact.NewManifest(layers, x.All(), l)
	assert.NilError(t, err)
	assert.Equal(t, blob.Descriptor.Digest, digest.FromBytes(blob.Content))
	var m ocispec.Manifest
	assert.NilError(t, json.Unmarshal(blob.Content, &m))
	assert.Equal(t, m.ArtifactType, artifact.ArtifactType)
	assert.Equal(t, m.MediaType, ocispec.MediaTypeImageManifest)
	return m, others
}

func TestManifestHasTheIndexAsConfig(t *testing.T) {
	layer := artifact.NewBlob(artifact.MediaTypeRaw, []byte("abc")).Descriptor
	x := artifact.Index{Version: 1, Entries: []artifact.Entry{indexed(file("f", 3), 0)}}
	m, others := manifest(t, []ocispec.Descriptor{layer}, x, artifact.Lineage{})
	assert.Equal(t, m.Config.MediaType, artifact.MediaTypeIndex)
	assert.DeepEqual(t, m.Layers, []ocispec.Descriptor{layer})
	assert.Equal(t, len(others), 1)
	assert.DeepEqual(t, artifact.IndexDescriptors(m), []ocispec.Descriptor{m.Config})
}

func TestManifestOfNothingHasTheEmptyLayer(t *testing.T) {
	m, others := manifest(t, nil, artifact.Index{Version: 1}, artifact.Lineage{})
	assert.Equal(t, len(m.Layers), 1)
	assert.Equal(t, m.Layers[0].MediaType, ocispec.MediaTypeEmptyJSON)
	assert.Equal(t, len(others), 2)
	assert.Equal(t, string(others[1].Content), "{}")
}

func TestManifestHasALargeIndexInLayers(t *testing.T) {
	layer := artifact.NewBlob(artifact.MediaTypeRaw, []byte("abc")).Descriptor
	x := artifact.Index{Version: 1}
	for i := range 30_000 {
		x.Entries = append(x.Entries, indexed(file(tree.Path(fmt.Sprintf("file-%06d", i)), 1), 0))
	}
	m, others := manifest(t, []ocispec.Descriptor{layer}, x, artifact.Lineage{})
	assert.Equal(t, m.Config.Digest, ocispec.DescriptorEmptyJSON.Digest)
	assert.DeepEqual(t, artifact.IndexDescriptors(m), m.Layers[1:])
	assert.Equal(t, len(others), len(m.Layers)) // the empty config and the documents
	for _, d := range m.Layers[1:] {
		assert.Equal(t, d.Annotations[ocispec.AnnotationTitle], "")
	}
}

func TestManifestAboveTheLimitIsRefused(t *testing.T) {
	layer := artifact.NewBlob(artifact.MediaTypeRaw, nil).Descriptor
	layer.Annotations = map[string]string{ocispec.AnnotationTitle: strings.Repeat("t", artifact.MaxManifest)}
	_, _, err := artifact.NewManifest([]ocispec.Descriptor{layer}, artifact.Index{Version: 1}.All(), artifact.Lineage{})
	assert.ErrorContains(t, err, "larger than")
}

func TestIndexDescriptorsOfForeignManifests(t *testing.T) {
	m := ocispec.Manifest{Config: ocispec.Descriptor{MediaType: artifact.MediaTypeIndex}}
	assert.Equal(t, len(artifact.IndexDescriptors(m)), 0)
}

func TestLineageSurvivesAnnotations(t *testing.T) {
	code := 3
	l := artifact.Lineage{
		Created:   time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC),
		Namespace: "n", Job: "j", Pod: "p", Container: "c", Attempt: 2, ExitCode: &code,
		Inputs: []string{"a/b:c@sha256:00", "d@sha256:11"},
	}
	m, _ := manifest(t, nil, artifact.Index{Version: 1}, l)
	assert.Equal(t, m.Annotations["org.opencontainers.image.created"], "2026-01-02T03:04:05Z")
	assert.Equal(t, m.Annotations["oras.converged-computing.github.io/inputs"], `["a/b:c@sha256:00","d@sha256:11"]`)
	assert.DeepEqual(t, artifact.LineageOf(m.Annotations), l)
}

func TestLineageThatIsUnknownIsAbsent(t *testing.T) {
	m, _ := manifest(t, nil, artifact.Index{Version: 1}, artifact.Lineage{})
	assert.Equal(t, len(m.Annotations), 0)
	assert.DeepEqual(t, artifact.LineageOf(nil), artifact.Lineage{})
}

func TestLineageThatIsMalformedIsUnknown(t *testing.T) {
	l := artifact.LineageOf(map[string]string{
		artifact.AnnotationCreated: "yesterday", artifact.AnnotationAttempt: "-1",
		artifact.AnnotationExitCode: "bad", artifact.AnnotationInputs: "{", artifact.AnnotationPod: "p",
	})
	assert.DeepEqual(t, l, artifact.Lineage{Pod: "p"})
}
