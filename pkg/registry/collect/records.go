package collect

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"sync"
	"time"

	storagedriver "github.com/distribution/distribution/v3/registry/storage/driver"

	"github.com/converged-computing/oras-operator/pkg/registry/layout"
)

const (
	// quarantineRecord lists what is quarantined, condemnedRecord what is condemned. A record that is not there lists nothing.
	quarantineRecord = layout.Collect + "/quarantine"
	condemnedRecord  = layout.Collect + "/condemned"
	// clockFile is empty. It is written to see which time the storage gives it.
	clockFile = layout.Collect + "/clock"
	// reserveFile holds nothing of use. It is removed where there is no room for a record that lets something be removed.
	reserveFile = layout.Collect + "/reserve"
	reserveSize = 1 << 20
)

// store keeps the records of the collection in the storage.
type store struct {
	driver storagedriver.StorageDriver
	log    *slog.Logger

	mu    sync.Mutex
	ahead time.Duration // how much the clock of the storage was ahead of ours when it was last seen
}

// entry is the form of a node in a record.
type entry struct {
	Kind       kind      `json:"kind"`
	Repository string    `json:"repository,omitempty"`
	Name       string    `json:"name"`
	Since      time.Time `json:"since"`
}

// load reads a record.
func (s *store) load(ctx context.Context, record string) (listed, error) {
	data, err := s.driver.GetContent(ctx, record)
	if missing(err) {
		return listed{}, nil
	}
	if err != nil {
		return nil, fmt.Errorf("reading the record %s: %w", record, err)
	}
	var entries []entry
	if err := json.Unmarshal(data, &entries); err != nil {
		return nil, fmt.Errorf("%w %s: %w", errRecord, record, err)
	}
	nodes := make(listed, len(entries))
	for _, e := range entries {
		nodes[node{e.Kind, e.Repository, e.Name}] = e.Since
	}
	return nodes, nil
}

// quarantine reads what is quarantined. A record that cannot be understood is as good as none: then it all begins anew.
func (s *store) quarantine(ctx context.Context) (listed, error) {
	nodes, err := s.load(ctx, quarantineRecord)
	if errors.Is(err, errRecord) {
		s.log.WarnContext(ctx, "What is quarantined cannot be read and is forgotten.", "error", err)
		return listed{}, nil
	}
	return nodes, err
}

// save writes a record, or removes that of no nodes. Where there is no room for it, it gives up the reserve.
func (s *store) save(ctx context.Context, record string, nodes listed) error {
	if len(nodes) == 0 {
		return wrap("removing the record "+record, remove(ctx, s.driver, record))
	}
	entries := make([]entry, 0, len(nodes))
	for _, n := range sorted(nodes) {
		entries = append(entries, entry{n.kind, n.repo, n.name, nodes[n]})
	}
	data, err := json.Marshal(entries)
	if err != nil {
		return err
	}
	err = s.driver.PutContent(ctx, record, data)
	if err != nil && remove(ctx, s.driver, reserveFile) == nil {
		err = s.driver.PutContent(ctx, record, data)
	}
	return wrap("writing the record "+record, err)
}

// reserve sees to it that there is some room to give up. It is no matter if there is none.
func (s *store) reserve(ctx context.Context) {
	if _, err := s.driver.Stat(ctx, reserveFile); !missing(err) {
		return
	}
	if err := s.driver.PutContent(ctx, reserveFile, make([]byte, reserveSize)); err != nil {
		s.log.WarnContext(ctx, "There is no room to reserve for the records of the garbage collection.", "error", err)
	}
}

// now is the time by the clock of the storage: what is written from now on has this time or a later one. Where the storage cannot be
// written, which a full one may refuse even of an empty file, it is our clock, put right by what was last seen.
func (s *store) now(ctx context.Context) (time.Time, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	ours := time.Now()
	if err := s.driver.PutContent(ctx, clockFile, nil); err != nil {
		s.log.WarnContext(ctx, "The storage's clock cannot be seen.", "error", err)
		return ours.Add(s.ahead).Round(0), ctx.Err()
	}
	info, err := s.driver.Stat(ctx, clockFile)
	if err != nil {
		return time.Time{}, fmt.Errorf("reading the storage's clock: %w", err)
	}
	s.ahead = info.ModTime().Sub(ours)
	return info.ModTime(), nil
}

// sorted returns nodes in the order in which they are removed.
func sorted[V any](nodes map[node]V) []node {
	keys := make([]node, 0, len(nodes))
	for n := range nodes {
		keys = append(keys, n)
	}
	slices.SortFunc(keys, compare)
	return keys
}

func wrap(doing string, err error) error {
	if err == nil {
		return nil
	}
	return fmt.Errorf("%s: %w", doing, err)
}
