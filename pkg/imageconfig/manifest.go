package imageconfig

import (
	"bytes"
	"encoding/json"

	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/types"
)

const (
	// maxManifests is how many images an index may list, attestations included.
	maxManifests = 512
	// maxCommand is how long ENTRYPOINT and CMD may be, in bytes of JSON: more would hardly fit into a pod, or into the
	// arguments of a process.
	maxCommand = 64 << 10
)

// manifest is what is read of one, of an image or of an index. What else is in it takes no memory.
type manifest struct {
	Config struct {
		Size   int64   `json:"size"` // bytes
		Digest v1.Hash `json:"digest"`
	} `json:"config"`
	Manifests descriptors `json:"manifests"`
}

// descriptors are the images of an index.
type descriptors []descriptor

type descriptor struct {
	MediaType types.MediaType `json:"mediaType"`
	Digest    v1.Hash         `json:"digest"`
	Platform  *struct {
		OS           string `json:"os"`
		Architecture string `json:"architecture"`
	} `json:"platform"`
}

// UnmarshalJSON stops where there are more than any index has, before they take memory.
func (d *descriptors) UnmarshalJSON(text []byte) error {
	list := json.NewDecoder(bytes.NewReader(text))
	if start, err := list.Token(); err != nil || start != json.Delim('[') {
		return err
	}
	for list.More() {
		if len(*d) == maxManifests {
			return faulty(ErrTooLarge, "more than %d images in an index", maxManifests)
		}
		var next descriptor
		if err := list.Decode(&next); err != nil {
			return err
		}
		*d = append(*d, next)
	}
	return nil
}

// configuration is what is read of that of an image.
type configuration struct {
	Config struct {
		Entrypoint json.RawMessage `json:"Entrypoint"`
		Cmd        json.RawMessage `json:"Cmd"`
	} `json:"config"`
}

// command decodes what the image runs, unless it is so long that it should not be.
func (c configuration) command() (Command, error) {
	if length := len(c.Config.Entrypoint) + len(c.Config.Cmd); length > maxCommand {
		return Command{}, faulty(ErrTooLarge, "a command of %d bytes, where %d are allowed", length, maxCommand)
	}
	var command Command
	for words, text := range map[*[]string]json.RawMessage{&command.Entrypoint: c.Config.Entrypoint, &command.Cmd: c.Config.Cmd} {
		if len(text) == 0 {
			continue
		}
		if err := json.Unmarshal(text, words); err != nil {
			return Command{}, faulty(ErrAnswer, "a command that is no list of words")
		}
	}
	return command, nil
}
