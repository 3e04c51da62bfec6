package storage

import (
	"context"
	"errors"
	"fmt"

	"github.com/aws/aws-sdk-go/service/s3"
	"golang.org/x/sync/errgroup"
)

// reopen begins to write to a path at which there is an object of that size, in bytes, with all that is in the object. If somebody else
// has done so, it does nothing; what somebody has begun to copy it copies the rest of.
func (b *bucket) reopen(ctx context.Context, path string, size int64) error {
	upload, parts, err := b.writing(ctx, path)
	if err != nil || hasFirst(parts) {
		return err
	}
	if upload == nil {
		if upload, err = b.begin(ctx, path); err != nil {
			return err
		}
	}
	_, err = b.copyInto(ctx, upload, parts, path, size)
	return err
}

// move gives an object, which is not empty, another path.
func (b *bucket) move(ctx context.Context, from, to string, size int64) error {
	upload, err := b.begin(ctx, to)
	if err != nil {
		return err
	}
	parts, err := b.copyInto(ctx, upload, nil, from, size)
	if err == nil {
		err = b.complete(ctx, upload, parts)
	}
	if err != nil {
		return errors.Join(err, b.abortOne(context.WithoutCancel(ctx), upload))
	}
	_, err = b.api.DeleteObjectWithContext(ctx, &s3.DeleteObjectInput{Bucket: &b.cfg.Bucket, Key: new(b.key(from))})
	if err != nil {
		return fmt.Errorf("removing what was copied: %w", err)
	}
	return nil
}

// copyInto makes the object at a path, which is not empty, the parts of what is being written, but for those that are there. They are
// about as large as each other, and the first is the last to come.
func (b *bucket) copyInto(ctx context.Context, upload *s3.MultipartUpload, there []*s3.Part, path string, size int64) ([]*s3.CompletedPart, error) {
	pieces := b.limits.pieces(size)
	parts := make([]*s3.CompletedPart, pieces)
	for _, part := range there {
		if i := *part.PartNumber - 1; i < pieces && *part.Size == split(size, i+1, pieces)-split(size, i, pieces) {
			parts[i] = &s3.CompletedPart{ETag: part.ETag, PartNumber: part.PartNumber}
		}
	}
	piece := func(ctx context.Context, i int64) error {
		if parts[i] != nil {
			return nil
		}
		input := &s3.UploadPartCopyInput{
			Bucket: &b.cfg.Bucket, Key: upload.Key, UploadId: upload.UploadId, PartNumber: new(i + 1),
			CopySource: new(b.cfg.Bucket + "/" + b.key(path)),
		}
		if pieces > 1 { // small objects are copied only whole
			input.CopySourceRange = new(fmt.Sprintf("bytes=%d-%d", split(size, i, pieces), split(size, i+1, pieces)-1))
		}
		done, err := b.api.UploadPartCopyWithContext(ctx, input)
		if err != nil {
			return fmt.Errorf("copying an object as part %d: %w", i+1, err)
		}
		parts[i] = &s3.CompletedPart{ETag: done.CopyPartResult.ETag, PartNumber: new(i + 1)}
		return nil
	}
	group, together := errgroup.WithContext(ctx)
	group.SetLimit(copiesAtOnce)
	for i := int64(1); i < pieces; i++ {
		group.Go(func() error { return piece(together, i) })
	}
	if err := group.Wait(); err != nil {
		return nil, err
	}
	return parts, piece(ctx, 0)
}
