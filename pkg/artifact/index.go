package artifact

import (
	"errors"
	"fmt"
	"iter"
	"slices"

	"github.com/opencontainers/go-digest"

	"github.com/converged-computing/oras-operator/pkg/tree"
)

// IndexVersion is the version of the index that this package writes, and the only one that it reads.
const IndexVersion = 1

// NoLayer is the layer of an entry that only the index holds.
const NoLayer = -1

var (
	// ErrInvalidIndex is wrapped by every error about an index that breaks the rules of README.md.
	ErrInvalidIndex = errors.New("invalid tree index")
	// ErrVersion is returned for an index that a newer release wrote.
	ErrVersion = errors.New("unknown version of the tree index")
)

// Index lists everything in a tree and where its content is. It is the config blob of an artifact.
type Index struct {
	Version int     `json:"version"`
	Entries []Entry `json:"entries"`
}

// Entry is one name in a tree and where its content is.
type Entry struct {
	tree.Entry
	Digest digest.Digest `json:"digest,omitempty"` // of a file's content alone
	Layer  int           `json:"layer"`            // position in the manifest's layers, or NoLayer
	Offset int64         `json:"offset,omitempty"` // of a file's content in the uncompressed layer
}

// All returns the entries.
func (x Index) All() iter.Seq[Entry] { return slices.Values(x.Entries) }

// Validate checks the index of a manifest with the given number of layers against the rules of README.md.
func (x Index) Validate(layers int) error {
	if x.Version != IndexVersion {
		return fmt.Errorf("%w: %d", ErrVersion, x.Version)
	}
	if err := checkEntries(entriesOf(x.Entries)); err != nil {
		return fmt.Errorf("%w: %w", ErrInvalidIndex, err)
	}
	for _, e := range x.Entries {
		if err := e.validate(layers); err != nil {
			return fmt.Errorf("%w: %q: %w", ErrInvalidIndex, string(e.Path), err)
		}
	}
	return nil
}

func (e Entry) validate(layers int) error {
	lowest := NoLayer
	if e.Type == tree.File {
		lowest = 0
		if err := e.Digest.Validate(); err != nil {
			return err
		}
	}
	if e.Layer < lowest || e.Layer >= layers {
		return fmt.Errorf("layer %d of %d", e.Layer, layers)
	}
	if e.Offset < 0 {
		return fmt.Errorf("offset %d", e.Offset)
	}
	return nil
}

// Bytes returns the number of bytes in the files of the tree.
func (x Index) Bytes() int64 {
	var sum int64
	for _, e := range x.Entries {
		sum += e.Size
	}
	return sum
}
