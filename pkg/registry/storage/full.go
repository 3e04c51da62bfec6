package storage

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"sync/atomic"

	"github.com/aws/aws-sdk-go/aws/awserr"
	storagedriver "github.com/distribution/distribution/v3/registry/storage/driver"
	"golang.org/x/sys/unix"
)

// ErrFull is wrapped by every error of a driver that has no more room: the disk or a quota is full.
var ErrFull = errors.New("the registry's storage is full")

// minioQuota is the code with which MinIO refuses what is beyond a bucket's quota (cmd/api-errors.go there).
const minioQuota = "XMinioAdminBucketQuotaExceeded"

type fullKey struct{}

// WatchFull returns a context like ctx, and whether a driver that was called with it, or one made from it, has found the
// storage full. The library makes strings of some errors; this is how a request knows nevertheless.
func WatchFull(ctx context.Context) (watched context.Context, full func() bool) {
	found := new(atomic.Bool)
	return context.WithValue(ctx, fullKey{}, found), found.Load
}

// told is err as callers of a driver get it: it can be unwrapped, and wraps [ErrFull] where there is no more room. The
// errors that the library tells apart by their types stay as they are.
func told(ctx context.Context, err error) error {
	if plain, ok := err.(storagedriver.Error); ok { //nolint:errorlint // only the outermost hides what it wraps
		err = failure{plain}
	}
	if !isFull(err) {
		return err
	}
	if found, ok := ctx.Value(fullKey{}).(*atomic.Bool); ok {
		found.Store(true)
	}
	if errors.Is(err, ErrFull) {
		return err
	}
	return fmt.Errorf("%w: %w", ErrFull, err)
}

// isFull tells whether err comes from a lack of room.
func isFull(err error) bool {
	if errors.Is(err, ErrFull) || errors.Is(err, unix.ENOSPC) || errors.Is(err, unix.EDQUOT) {
		return true
	}
	refused, ok := errors.AsType[awserr.RequestFailure](err)
	return ok && (refused.StatusCode() == http.StatusInsufficientStorage || refused.Code() == minioQuota)
}

// failure is a [storagedriver.Error] that can be unwrapped.
type failure struct{ plain storagedriver.Error }

func (f failure) Error() string { return f.plain.Error() }

func (f failure) Unwrap() error { return f.plain.Detail }
