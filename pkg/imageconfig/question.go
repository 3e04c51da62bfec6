package imageconfig

import (
	"context"
	"crypto/sha256"
	"encoding/json"
	"fmt"
	"slices"

	"github.com/google/go-containerregistry/pkg/authn"
	"github.com/google/go-containerregistry/pkg/name"
	v1 "github.com/google/go-containerregistry/pkg/v1"
)

// question is what is asked about an image, and by whom.
type question struct {
	ref           name.Reference
	architectures []string // sorted
	auth          authn.Authenticator
	key           string
}

func newQuestion(ctx context.Context, image string, architectures []string, keys authn.Keychain) (question, error) {
	if len(image) > maxName {
		return question{}, fmt.Errorf("looking up image %.64q…: its name has more than %d bytes", image, maxName)
	}
	ref, err := name.ParseReference(image)
	if err != nil {
		return question{}, fmt.Errorf("looking up image %q: %w", image, err)
	}
	auth, err := authn.Resolve(ctx, keys, ref.Context())
	if err != nil {
		return question{}, fmt.Errorf("looking up image %s: choosing credentials: %w", image, err)
	}
	who, err := authn.Authorization(ctx, auth)
	if err != nil {
		return question{}, fmt.Errorf("looking up image %s: reading credentials: %w", image, err)
	}
	q := question{ref: ref, architectures: slices.Compact(slices.Sorted(slices.Values(architectures))), auth: auth}
	if q.key, err = short(ref.Name(), q.architectures, who); err != nil {
		return question{}, fmt.Errorf("looking up image %s: reading credentials: %w", image, err)
	}
	return q, nil
}

// about is what an answer about a digest is remembered by.
func (q question) about(digest v1.Hash) string {
	key, _ := short(q.ref.Context().Name(), digest.String(), q.architectures) // strings can be encoded
	return key
}

// short makes a key of a few bytes, whatever it is made from, that gives nothing of that away.
func short(parts ...any) (string, error) {
	text, err := json.Marshal(parts)
	if err != nil {
		return "", err
	}
	sum := sha256.Sum256(text)
	return string(sum[:]), nil
}
