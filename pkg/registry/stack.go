package registry

import (
	"net/http"
	"slices"
)

// layer is a part of what a request meets: it answers it, or has the next one do so.
type layer = func(http.Handler) http.Handler

// stack has what a request meets, by name.
type stack struct {
	probes     layer // answers /healthz and /readyz
	observe    layer // counts, times and logs
	cutStalled layer // ends what does not move
	limit      layer // turns away uploads that are too many
	access     layer // asks who it is, and whether they may
	answerFull layer // says so when the disk is full
	gate       layer // keeps away what the garbage collection takes
	api        layer // answers what the library does not, or slowly
	library    http.Handler
}

// newStack assembles what a request meets, first to last, as the README has it under "A request, in order".
func newStack(s stack) http.Handler {
	return inOrder([]layer{
		s.probes,
		s.observe,
		s.cutStalled,
		s.limit,
		s.access,
		s.answerFull,
		s.gate,
		s.api,
	}, s.library)
}

// inOrder returns a handler that goes through layers, the first one first, to last.
func inOrder(layers []layer, last http.Handler) http.Handler {
	handler := last
	for _, each := range slices.Backward(layers) {
		handler = each(handler)
	}
	return handler
}
