package shim

import (
	"context"
	"path/filepath"
	"time"

	"github.com/converged-computing/oras-operator/pkg/handoff"
)

// When a wait is told of: not if it is short, then every half minute.
const (
	firstProgress = 5 * time.Second
	nextProgress  = 30 * time.Second
)

// watch calls look whenever the record at path may have changed, until it returns true or an error, ctx ends, or there
// has been no sidecar for too long. It tells of the progress that look returns.
func (l *life) watch(ctx context.Context, path, waitingFor string, look func() (handoff.Progress, bool, error)) error {
	tell := time.Now().Add(firstProgress)
	return handoff.Watch(ctx, l.dirOf(path), path, func() (bool, error) {
		progress, ok, err := look()
		if ok || err != nil {
			return ok, err
		}
		if now := time.Now(); now.After(tell) {
			tell = now.Add(nextProgress)
			l.log.Info("Waiting for "+waitingFor+".", "bytes", progress.Bytes, "ofBytes", progress.TotalBytes,
				"files", progress.Files, "ofFiles", progress.TotalFiles)
		}
		return false, l.sidecarGone(waitingFor)
	})
}

// dirOf is the topmost directory to watch for a record at path.
func (l *life) dirOf(path string) handoff.Dir {
	if path == l.opts.ReadyFile {
		return handoff.Dir(filepath.Dir(path))
	}
	return l.opts.RunDir
}

// sidecarGone is an error once there has been no sidecar for longer than it may be away.
func (l *life) sidecarGone(waitingFor string) error {
	gone := l.link.goneFor()
	if l.opts.SidecarTimeout == 0 || gone <= l.opts.SidecarTimeout {
		return nil
	}
	return endf(handoff.ExitSidecarGone, "The sidecar has not answered for %s while the shim was waiting for %s; see the log of container oras.",
		gone.Round(time.Second), waitingFor)
}
