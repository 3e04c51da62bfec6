package storage

import (
	"path"
	"sync"
)

// hashStates are the states of the hashes of unfinished uploads, by which the library goes on with a hash where the request
// before has ended. They are kept in memory: a state from before a crash could belong to other bytes than those that have
// survived it, and the library would believe it. Where there is none it reads what was uploaded.
//
// Of each upload only the last is kept: what is uploaded goes on at its end. Where nothing was hashed there is no state. The
// library keeps one all the same, when a request ends that brought nothing, before it asks for the last one again.
type hashStates struct {
	mu sync.Mutex
	of map[string]hashState // by the directory of the upload
}

type hashState struct {
	algorithm, offset string
	state             []byte
}

func newHashStates() *hashStates { return &hashStates{of: map[string]hashState{}} }

func (h *hashStates) put(upload, algorithm, offset string, state []byte) {
	if offset == "0" {
		return
	}
	h.mu.Lock()
	defer h.mu.Unlock()
	h.of[upload] = hashState{algorithm, offset, state}
}

func (h *hashStates) get(upload, algorithm, offset string) ([]byte, bool) {
	h.mu.Lock()
	defer h.mu.Unlock()
	last, ok := h.of[upload]
	return last.state, ok && last.algorithm == algorithm && last.offset == offset
}

// list returns the paths of all states of an algorithm, which are in dir.
func (h *hashStates) list(upload, algorithm, dir string) []string {
	h.mu.Lock()
	defer h.mu.Unlock()
	if last, ok := h.of[upload]; ok && last.algorithm == algorithm {
		return []string{path.Join(dir, last.offset)}
	}
	return nil
}

func (h *hashStates) drop(upload string) {
	h.mu.Lock()
	defer h.mu.Unlock()
	delete(h.of, upload)
}
