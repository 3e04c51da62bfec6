package registry

import (
	"errors"
	"fmt"
	"io/fs"
	"net/http"
	"os"
	"path/filepath"
	"syscall"
)

// probeName is the file that [checkWritable] makes and removes in the root directory. Distribution keeps its own data
// below docker/ there.
const probeName = ".writable"

// checkWritable returns nil if files can be made in root. A full disk or quota counts as writable: a registry without
// space still serves what it has, and answers a push with what is wrong, which it could not do if it were not ready.
func checkWritable(root string) error {
	path := filepath.Join(root, probeName)
	err := os.WriteFile(path, nil, 0o600)
	if errors.Is(err, syscall.ENOSPC) || errors.Is(err, syscall.EDQUOT) {
		return nil
	}
	if err != nil {
		return fmt.Errorf("writing to the root directory: %w", err)
	}
	// Two probes may overlap; then one of them finds the file gone.
	if err := os.Remove(path); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return fmt.Errorf("writing to the root directory: %w", err)
	}
	return nil
}

// healthz answers that the process serves.
func (r *Registry) healthz(w http.ResponseWriter, _ *http.Request) {
	w.WriteHeader(http.StatusOK)
	fmt.Fprintln(w, "ok") //nolint:errcheck // who asked is gone
}

// readyz answers whether requests should be sent here: the storage is writable and the server is not draining.
func (r *Registry) readyz(w http.ResponseWriter, _ *http.Request) {
	if r.draining.Load() {
		http.Error(w, "draining", http.StatusServiceUnavailable)
		return
	}
	if err := checkWritable(r.root); err != nil {
		http.Error(w, err.Error(), http.StatusServiceUnavailable)
		return
	}
	fmt.Fprintln(w, "ok") //nolint:errcheck // who asked is gone
}
