package imageconfig

import (
	"context"
	"encoding/json"
	"slices"

	v1 "github.com/google/go-containerregistry/pkg/v1"
)

// maxImages is of how many images of an index the configurations are read.
const maxImages = 32

// commandOf returns the command of an image, or that of every image of an index that may run.
func (r repository) commandOf(ctx context.Context, digest v1.Hash, architectures []string) (Command, error) {
	content, mediaType, err := r.get(ctx, manifests, digest, maxBody)
	if err != nil {
		return Command{}, err
	}
	found, err := decode[manifest](content)
	if err != nil {
		return Command{}, err
	}
	if !mediaType.IsIndex() {
		return r.commandOfImage(ctx, found)
	}
	images, err := platforms(found.Manifests, architectures)
	if err != nil {
		return Command{}, err
	}
	var first Command
	for i, digest := range images {
		content, _, err := r.get(ctx, manifests, digest, maxBody)
		if err != nil {
			return Command{}, err
		}
		image, err := decode[manifest](content)
		if err != nil {
			return Command{}, err
		}
		command, err := r.commandOfImage(ctx, image)
		switch {
		case err != nil:
			return Command{}, err
		case i == 0:
			first = command
		case !slices.Equal(command.Entrypoint, first.Entrypoint) || !slices.Equal(command.Cmd, first.Cmd):
			return Command{}, faulty(ErrDifferent, "%q and %q",
				slices.Concat(first.Entrypoint, first.Cmd), slices.Concat(command.Entrypoint, command.Cmd))
		}
	}
	return first, nil
}

// platforms are the images of an index for Linux on the architectures, or on all.
func platforms(index descriptors, architectures []string) ([]v1.Hash, error) {
	var images []v1.Hash
	var others []string
	for _, m := range index {
		switch {
		case !m.MediaType.IsImage() || slices.Contains(images, m.Digest):
		case m.Platform == nil: // nodes take it for what they are
			images = append(images, m.Digest)
		case m.Platform.OS == "linux" && (len(architectures) == 0 || slices.Contains(architectures, m.Platform.Architecture)):
			images = append(images, m.Digest)
		case m.Platform.OS != "unknown": // an attestation
			others = append(others, m.Platform.OS+"/"+m.Platform.Architecture)
		}
	}
	switch {
	case len(images) == 0:
		return nil, faulty(ErrNoPlatform, "%q", others)
	case len(images) > maxImages:
		return nil, faulty(ErrTooLarge, "an index of %d images to choose from", len(images))
	}
	return images, nil
}

func (r repository) commandOfImage(ctx context.Context, image manifest) (Command, error) {
	if size := image.Config.Size; size < 0 || size > maxBody {
		return Command{}, faulty(ErrTooLarge, "a configuration of %d bytes", size)
	}
	if image.Config.Digest == (v1.Hash{}) {
		return Command{}, faulty(ErrAnswer, "a manifest without a configuration")
	}
	content, _, err := r.get(ctx, blobs, image.Config.Digest, image.Config.Size)
	if err != nil {
		return Command{}, err
	}
	config, err := decode[configuration](content)
	if err != nil {
		return Command{}, err
	}
	return config.command()
}

// decode reads a document of a registry.
func decode[T any](content []byte) (T, error) {
	var document T
	err := json.Unmarshal(content, &document)
	return document, err
}
