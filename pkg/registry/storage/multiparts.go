package storage

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/aws/aws-sdk-go/aws"
	"github.com/aws/aws-sdk-go/aws/awserr"
	"github.com/aws/aws-sdk-go/service/s3"

	"github.com/converged-computing/oras-operator/pkg/registry/layout"
)

// What is written to a bucket in parts is no object before it is whole: nothing but the following finds it, or what was left of it.

// begin begins to write an object in parts, as distribution's driver does.
func (b *bucket) begin(ctx context.Context, path string) (*s3.MultipartUpload, error) {
	begun, err := b.api.CreateMultipartUploadWithContext(ctx, &s3.CreateMultipartUploadInput{
		Bucket: &b.cfg.Bucket, Key: new(b.key(path)), ContentType: new("application/octet-stream"),
		ACL: new(privateObjects), StorageClass: new(s3.StorageClassStandard),
	})
	if err != nil {
		return nil, fmt.Errorf("beginning to write: %w", err)
	}
	return &s3.MultipartUpload{Key: new(b.key(path)), UploadId: begun.UploadId}, nil
}

// complete makes parts an object.
func (b *bucket) complete(ctx context.Context, upload *s3.MultipartUpload, parts []*s3.CompletedPart) error {
	_, err := b.api.CompleteMultipartUploadWithContext(ctx, &s3.CompleteMultipartUploadInput{
		Bucket: &b.cfg.Bucket, Key: upload.Key, UploadId: upload.UploadId, MultipartUpload: &s3.CompletedMultipartUpload{Parts: parts},
	})
	if err != nil {
		return fmt.Errorf("making the parts an object: %w", err)
	}
	return nil
}

// finish makes an object of what is being written to a path. If that is not of this size, in bytes, somebody else goes on with it: then the
// error is errTaken.
func (b *bucket) finish(ctx context.Context, path string, size int64) error {
	upload, parts, err := b.writing(ctx, path)
	if err != nil {
		return err
	}
	all := make([]*s3.CompletedPart, len(parts))
	for i, part := range parts {
		all[i] = &s3.CompletedPart{ETag: part.ETag, PartNumber: part.PartNumber}
		size -= *part.Size
	}
	if upload == nil || size != 0 {
		return errTaken
	}
	return b.complete(ctx, upload, all)
}

// abort gives up all that is being written to a path.
func (b *bucket) abort(ctx context.Context, path string) error {
	return b.multiparts(ctx, path, func(upload *s3.MultipartUpload) error {
		if *upload.Key != b.key(path) {
			return nil
		}
		return b.abortOne(ctx, upload)
	})
}

// abortBefore gives up all that nobody has written to since then. Some servers, such as MinIO, do not list it, and remove it
// themselves after a day. What others write to the bucket is theirs.
func (b *bucket) abortBefore(ctx context.Context, before time.Time) error {
	return b.multiparts(ctx, layout.Root+"/", func(upload *s3.MultipartUpload) error {
		last, err := b.lastOf(ctx, upload)
		if err != nil || last.After(before) {
			return err
		}
		return b.abortOne(ctx, upload)
	})
}

// lastPart is the time at which the last part of what is being written to a path came, or zero.
func (b *bucket) lastPart(ctx context.Context, path string) (time.Time, error) {
	var last time.Time
	err := b.multiparts(ctx, path, func(upload *s3.MultipartUpload) error {
		if *upload.Key != b.key(path) {
			return nil
		}
		at, err := b.lastOf(ctx, upload)
		if at.After(last) {
			last = at
		}
		return err
	})
	return last, err
}

// multiparts calls f for all that is being written to paths that begin so.
func (b *bucket) multiparts(ctx context.Context, prefix string, f func(*s3.MultipartUpload) error) error {
	var failed []error
	err := b.api.ListMultipartUploadsPagesWithContext(ctx, &s3.ListMultipartUploadsInput{
		Bucket: &b.cfg.Bucket, Prefix: new(b.key(prefix)),
	}, func(page *s3.ListMultipartUploadsOutput, _ bool) bool {
		for _, upload := range page.Uploads {
			if err := f(upload); err != nil && !isNoUpload(err) {
				failed = append(failed, err)
			}
		}
		return true
	})
	if err != nil {
		return fmt.Errorf("listing what is being written: %w", err)
	}
	return errors.Join(failed...)
}

func (b *bucket) abortOne(ctx context.Context, upload *s3.MultipartUpload) error {
	_, err := b.api.AbortMultipartUploadWithContext(ctx, &s3.AbortMultipartUploadInput{
		Bucket: &b.cfg.Bucket, Key: upload.Key, UploadId: upload.UploadId,
	})
	if err != nil {
		return fmt.Errorf("giving up what was being written: %w", err)
	}
	return nil
}

// lastOf is the time of the last part, or that of the beginning.
func (b *bucket) lastOf(ctx context.Context, upload *s3.MultipartUpload) (time.Time, error) {
	last := aws.TimeValue(upload.Initiated)
	parts, err := b.partsOf(ctx, upload)
	for _, part := range parts {
		if at := aws.TimeValue(part.LastModified); at.After(last) {
			last = at
		}
	}
	return last, err
}

// writing returns what is being written to a path, the first if there are several, as distribution's driver does, and its parts. It
// returns nil if there is none.
func (b *bucket) writing(ctx context.Context, path string) (first *s3.MultipartUpload, parts []*s3.Part, err error) {
	err = b.multiparts(ctx, path, func(upload *s3.MultipartUpload) error {
		if first != nil || *upload.Key != b.key(path) {
			return nil
		}
		if parts, err = b.partsOf(ctx, upload); err == nil {
			first = upload
		}
		return err
	})
	return first, parts, err
}

// partsOf returns the parts that there are, in their order.
func (b *bucket) partsOf(ctx context.Context, upload *s3.MultipartUpload) (parts []*s3.Part, err error) {
	err = b.api.ListPartsPagesWithContext(ctx, &s3.ListPartsInput{
		Bucket: &b.cfg.Bucket, Key: upload.Key, UploadId: upload.UploadId,
	}, func(page *s3.ListPartsOutput, _ bool) bool {
		parts = append(parts, page.Parts...)
		return true
	})
	if err != nil {
		return nil, fmt.Errorf("listing the parts of what is being written: %w", err)
	}
	return parts, nil
}

// hasFirst tells whether there is the first of the parts.
func hasFirst(parts []*s3.Part) bool { return len(parts) > 0 && *parts[0].PartNumber == 1 }

// isNoUpload tells whether what was being written has ended meanwhile.
func isNoUpload(err error) bool {
	coded, ok := errors.AsType[awserr.Error](err)
	return ok && coded.Code() == s3.ErrCodeNoSuchUpload
}
