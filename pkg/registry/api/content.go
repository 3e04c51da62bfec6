package api

import (
	"encoding/json"
	"fmt"

	"github.com/opencontainers/go-digest"
	ocispec "github.com/opencontainers/image-spec/specs-go/v1"
)

// content is what of a manifest, image or index, its referrers are about.
type content struct {
	MediaType    string              `json:"mediaType"`
	ArtifactType string              `json:"artifactType"`
	Config       *ocispec.Descriptor `json:"config"`
	Manifests    json.RawMessage     `json:"manifests"`
	Subject      *ocispec.Descriptor `json:"subject"`
	Annotations  map[string]string   `json:"annotations"`
}

// parseContent reads a manifest.
func parseContent(data []byte) (content, error) {
	var c content
	if err := json.Unmarshal(data, &c); err != nil {
		return content{}, fmt.Errorf("reading a manifest: %w", err)
	}
	if c.Subject != nil {
		if err := c.Subject.Digest.Validate(); err != nil {
			return content{}, fmt.Errorf("reading a manifest's subject: %w", err)
		}
	}
	return c, nil
}

// subject is the digest of the manifest that this one refers to, or "".
func (c content) subject() digest.Digest {
	if c.Subject == nil {
		return ""
	}
	return c.Subject.Digest
}

// descriptor describes the manifest, which has that digest and that size in bytes, in a list of referrers.
func (c content) descriptor(d digest.Digest, size int64) ocispec.Descriptor {
	desc := ocispec.Descriptor{
		MediaType: c.MediaType, Digest: d, Size: size, ArtifactType: c.ArtifactType, Annotations: c.Annotations,
	}
	index := c.MediaType == ocispec.MediaTypeImageIndex || len(c.Manifests) > 0
	if desc.MediaType == "" {
		desc.MediaType = ocispec.MediaTypeImageManifest
		if index {
			desc.MediaType = ocispec.MediaTypeImageIndex
		}
	}
	if desc.ArtifactType == "" && !index && c.Config != nil {
		desc.ArtifactType = c.Config.MediaType
	}
	return desc
}
