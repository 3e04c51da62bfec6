package storage

import (
	"context"
	"log/slog"
	"os"
	"time"
)

// OpenSyncing opens a directory as Open does, but waits for its lock no longer than wait, and syncs by sync.
func OpenSyncing(ctx context.Context, root string, wait time.Duration, sync func(*os.File) error) (*Store, error) {
	return openDirectory(ctx, root, slog.New(slog.DiscardHandler), wait, sync)
}

// Told is an error of a driver as its callers get it.
func Told(ctx context.Context, err error) error { return told(ctx, err) }

// OpenLimited opens a bucket as Open does, where an object is written in no more than so many parts, and copied in pieces of no more than
// so many bytes.
func OpenLimited(ctx context.Context, cfg S3Config, parts int, pieceSize int64) (*Store, error) {
	limited := limitsOfS3
	limited.parts, limited.pieceSize, limited.fewPieces = parts, pieceSize, int64(parts/2)
	return openBucket(ctx, cfg, slog.New(slog.DiscardHandler), limited)
}

// PieceEnds returns where the pieces end in which an object of that size is copied.
func PieceEnds(size int64) (ends []int64) {
	pieces := limitsOfS3.pieces(size)
	for i := range pieces {
		ends = append(ends, split(size, i+1, pieces))
	}
	return ends
}
