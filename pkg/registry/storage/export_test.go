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
