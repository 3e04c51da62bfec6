package collect

import (
	"context"
	"fmt"
	"slices"

	storagedriver "github.com/distribution/distribution/v3/registry/storage/driver"
)

// sweep removes what is doomed: what keeps goes before what is kept, and all links before any data. So wherever it ends, no link is left to
// something that is gone, and of an index that is left all is left that it lists.
func sweep(ctx context.Context, driver storagedriver.StorageDriver, s *snapshot, gone map[node]bool, report *Report) error {
	order := keepersFirst(s, gone)
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

// keepersFirst returns nodes so that what keeps is before what is kept, unless that keeps it in turn.
func keepersFirst(s *snapshot, nodes map[node]bool) []node {
	order := make([]node, 0, len(nodes))
	seen := make(map[node]bool, len(nodes))
	var visit func(n node)
	visit = func(n node) {
		if seen[n] || !nodes[n] {
			return
		}
		seen[n] = true
		for _, kept := range s.things[n].keeps {
			visit(kept)
		}
		order = append(order, n)
	}
	for _, n := range slices.Backward(sorted(nodes)) {
		visit(n)
	}
	slices.Reverse(order)
	return order
}
