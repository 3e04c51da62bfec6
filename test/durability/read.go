package durability

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"

	"github.com/opencontainers/go-digest"
	ocispec "github.com/opencontainers/image-spec/specs-go/v1"
)

// reader reads a repository's manifests with all that they need.
type reader struct {
	ctx        context.Context
	client     *client
	repository string
	seen       map[digest.Digest]bool // what was read whole already
}

// manifest reads one, by a tag or digest, with all that it lists. It returns what is wrong as a sentence, or nothing.
func (r *reader) manifest(reference string) string {
	a := r.client.get(r.ctx, manifestPath(r.repository, reference))
	if r.ctx.Err() != nil {
		return "" // the reading was given up
	}
	if a.status != http.StatusOK {
		return fmt.Sprintf("%s:%s is answered %d", r.repository, reference, a.status)
	}
	d := digest.FromBytes(a.body)
	if wanted := digest.Digest(reference); wanted.Validate() == nil && wanted != d {
		return fmt.Sprintf("%s@%s is %s", r.repository, reference, d)
	}
	if r.seen[d] {
		return ""
	}
	var says struct {
		Config            *ocispec.Descriptor
		Layers, Manifests []ocispec.Descriptor
	}
	if err := json.Unmarshal(a.body, &says); err != nil {
		return fmt.Sprintf("%s@%s is no manifest: %v", r.repository, d, err)
	}
	if says.Config != nil {
		says.Layers = append(says.Layers, *says.Config)
	}
	for _, listed := range says.Layers {
		if problem := r.blob(listed.Digest); problem != "" {
			return fmt.Sprintf("%s, which %s lists", problem, reference)
		}
	}
	for _, listed := range says.Manifests {
		if problem := r.manifest(listed.Digest.String()); problem != "" {
			return fmt.Sprintf("%s, which %s lists", problem, reference)
		}
	}
	r.seen[d] = true
	return ""
}

// blob reads one, and returns what is wrong as manifest does.
func (r *reader) blob(d digest.Digest) string {
	if r.seen[d] {
		return ""
	}
	a := r.client.get(r.ctx, blobPath(r.repository, d))
	switch {
	case r.ctx.Err() != nil:
		return ""
	case a.status != http.StatusOK:
		return fmt.Sprintf("blob %s of %s is answered %d", d, r.repository, a.status)
	case digest.FromBytes(a.body) != d:
		return fmt.Sprintf("blob %s of %s has other content", d, r.repository)
	}
	r.seen[d] = true
	return ""
}

// gone tells whether the repository does not have a manifest.
func (r *reader) gone(reference string) bool {
	return r.client.get(r.ctx, manifestPath(r.repository, reference)).status == http.StatusNotFound
}

// tags lists the tags.
func (r *reader) tags() []string {
	var list struct{ Tags []string }
	_ = json.Unmarshal(r.client.get(r.ctx, "/v2/"+r.repository+"/tags/list?n=1000").body, &list) // a repository that is not there has none
	return list.Tags
}

// referrers lists what refers to a manifest.
func (r *reader) referrers(subject digest.Digest) map[digest.Digest]bool {
	var index ocispec.Index
	_ = json.Unmarshal(r.client.get(r.ctx, "/v2/"+r.repository+"/referrers/"+subject.String()).body, &index) // then it lists nothing
	all := map[digest.Digest]bool{}
	for _, m := range index.Manifests {
		all[m.Digest] = true
	}
	return all
}
