package durability

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"path"
	"path/filepath"
	"strings"

	"github.com/aws/aws-sdk-go/service/s3"
	"github.com/opencontainers/go-digest"

	"github.com/converged-computing/oras-operator/pkg/registry/layout"
)

// Stored is what a storage holds.
type Stored struct {
	Blobs   map[digest.Digest]int64 // their sizes in bytes
	Uploads []string                // files of unfinished uploads
	Partial []string                // temporary files of a directory
}

// Directory reads what a directory holds. What is removed meanwhile may be in it or not.
func Directory(root string) (Stored, error) {
	s := Stored{Blobs: map[digest.Digest]int64{}}
	err := filepath.WalkDir(root, func(p string, entry fs.DirEntry, err error) error {
		if err != nil || entry.IsDir() {
			return ignoreMissing(err)
		}
		info, err := entry.Info()
		if err != nil {
			return ignoreMissing(err)
		}
		s.note("/"+filepath.ToSlash(strings.TrimPrefix(p, root+string(filepath.Separator))), info.Size())
		return nil
	})
	if err != nil {
		return Stored{}, fmt.Errorf("reading the storage: %w", err)
	}
	return s, nil
}

// Bucket reads what a bucket holds below a prefix, which is empty or ends with a slash.
func Bucket(ctx context.Context, api *s3.S3, bucket, prefix string) (Stored, error) {
	s := Stored{Blobs: map[digest.Digest]int64{}}
	err := api.ListObjectsV2PagesWithContext(ctx, &s3.ListObjectsV2Input{Bucket: &bucket, Prefix: &prefix},
		func(page *s3.ListObjectsV2Output, _ bool) bool {
			for _, object := range page.Contents {
				s.note("/"+strings.TrimPrefix(*object.Key, prefix), *object.Size)
			}
			return true
		})
	if err != nil {
		return Stored{}, fmt.Errorf("listing the bucket: %w", err)
	}
	return s, nil
}

// note takes in a file, by its path from the root of the storage.
func (s *Stored) note(p string, size int64) {
	if _, ok := layout.InUpload(p); ok {
		s.Uploads = append(s.Uploads, p)
		return
	}
	if strings.HasPrefix(p, "/.tmp/") {
		s.Partial = append(s.Partial, p)
		return
	}
	if d, ok := layout.DigestIn("sha256/" + path.Base(path.Dir(p))); ok && p == layout.BlobData(d) {
		s.Blobs[d] = size
	}
}

// Difference compares what is stored with what is kept: it returns how many bytes are stored that nothing keeps, and how many are
// missing.
func Difference(stored, live map[digest.Digest]int64) (excess, missing int64) {
	for d, size := range stored {
		if _, ok := live[d]; !ok {
			excess += size
		}
	}
	for d, size := range live {
		if stored[d] != size {
			missing += size
		}
	}
	return excess, missing
}

// Bytes is the size of all blobs together.
func Bytes(blobs map[digest.Digest]int64) (sum int64) {
	for _, size := range blobs {
		sum += size
	}
	return sum
}

func ignoreMissing(err error) error {
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	return err
}
