package collect

import (
	"context"
	"fmt"

	storagedriver "github.com/distribution/distribution/v3/registry/storage/driver"
)

// sweep removes what is doomed: what keeps goes before what is kept, and all links before any data. So wherever it ends, no link is left to
// something that is gone.
func sweep(ctx context.Context, driver storagedriver.StorageDriver, s *snapshot, gone map[node]bool, report *Report) error {
	order := sorted(gone)
	for _, n := range order {
		for _, link := range s.things[n].links {
			if err := remove(ctx, driver, link); err != nil {
				return fmt.Errorf("removing %s: %w", link, err)
			}
		}
	}
	for _, n := range order {
		if data := s.things[n].data; data != "" {
			if err := remove(ctx, driver, data); err != nil {
				return fmt.Errorf("removing %s: %w", data, err)
			}
		}
		report.removed(n, s.things[n])
	}
	return nil
}
