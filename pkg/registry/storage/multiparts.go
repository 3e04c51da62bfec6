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

// What is written to a bucket in parts is no object before it is whole, so that nothing but the following finds what was
// left of it.

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
	err := b.api.ListPartsPagesWithContext(ctx, &s3.ListPartsInput{
		Bucket: &b.cfg.Bucket, Key: upload.Key, UploadId: upload.UploadId,
	}, func(page *s3.ListPartsOutput, _ bool) bool {
		for _, part := range page.Parts {
			if at := aws.TimeValue(part.LastModified); at.After(last) {
				last = at
			}
		}
		return true
	})
	if err != nil {
		return time.Time{}, fmt.Errorf("listing the parts of what is being written: %w", err)
	}
	return last, nil
}

// isNoUpload tells whether what was being written has ended meanwhile.
func isNoUpload(err error) bool {
	coded, ok := errors.AsType[awserr.Error](err)
	return ok && coded.Code() == s3.ErrCodeNoSuchUpload
}
