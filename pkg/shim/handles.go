package shim

import (
	"errors"
	"fmt"
	"os"

	"github.com/converged-computing/oras-operator/pkg/handoff"
)

// maxHandles bounds the files that are open for the sidecar: twice what it has open with four transfers at once.
const maxHandles = 8 * handoff.MaxFiles

// handles are the files that the sidecar reads and writes over the socket, by numbers that are never used twice.
type handles struct {
	last int
	open map[int]*os.File
}

// room tells whether so many files more may be opened.
func (h *handles) room(files int) bool { return len(h.open)+files <= maxHandles }

func (h *handles) add(f *os.File) int {
	if h.open == nil {
		h.open = map[int]*os.File{}
	}
	h.last++
	h.open[h.last] = f
	return h.last
}

func (h *handles) get(number int) (*os.File, error) {
	f, ok := h.open[number]
	if !ok {
		return nil, fmt.Errorf("handle %d is not open", number)
	}
	return f, nil
}

// close closes files; with an error, all the others of them are closed.
func (h *handles) close(numbers []int) error {
	var failed error
	for _, number := range numbers {
		f, err := h.get(number)
		if err == nil {
			delete(h.open, number)
			err = f.Close()
		}
		failed = errors.Join(failed, err)
	}
	return failed
}

// closeAll closes what nobody will ask for any more.
func (h *handles) closeAll() {
	for _, f := range h.open {
		f.Close() //nolint:errcheck // the sidecar closes what it has written
	}
	h.open = nil
}
