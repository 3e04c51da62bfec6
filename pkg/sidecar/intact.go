package sidecar

import (
	"encoding/binary"
	"hash/maphash"

	"github.com/converged-computing/oras-operator/pkg/tree"
)

// snapshot remembers what lay at some places, eight bytes for each name, to tell later whether all of it still does.
type snapshot struct {
	seed   maphash.Seed
	places []tree.Place
	names  map[uint64]bool
}

// newSnapshot looks at the places now.
func newSnapshot(places []tree.Place) (*snapshot, error) {
	s := &snapshot{seed: maphash.MakeSeed(), places: places, names: map[uint64]bool{}}
	err := s.each(func(name uint64) { s.names[name] = true })
	return s, err
}

// intact tells whether everything is there as it was. What was added does not matter.
func (s *snapshot) intact() bool {
	if s == nil {
		return false // nobody looked
	}
	found := map[uint64]bool{}
	err := s.each(func(name uint64) {
		if s.names[name] {
			found[name] = true
		}
	})
	return err == nil && len(found) == len(s.names)
}

// each calls see for each name with a hash of all that changes when something is written to it. A directory changes with
// what is added to it, so of one it is only that it is there.
func (s *snapshot) each(see func(uint64)) error {
	for _, place := range s.places {
		listing, err := place.List()
		if err != nil {
			return err
		}
		for _, e := range listing.Entries {
			see(s.hash(place, e))
		}
	}
	return nil
}

func (s *snapshot) hash(place tree.Place, e tree.Entry) uint64 {
	var h maphash.Hash
	h.SetSeed(s.seed)
	for _, text := range []string{place.String(), string(e.Path), string(e.Type)} {
		h.WriteString(text)
		h.WriteByte(0)
	}
	if e.Type != tree.Dir {
		for _, number := range []int64{e.Size, int64(e.Ino), e.ModTime.UnixNano(), e.Ctime.UnixNano()} {
			h.Write(binary.LittleEndian.AppendUint64(nil, uint64(number)))
		}
	}
	return h.Sum64()
}
