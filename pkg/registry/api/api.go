package api

import (
	"hash/maphash"
	"net/http"
	"sync"

	storagedriver "github.com/distribution/distribution/v3/registry/storage/driver"
	"golang.org/x/sync/singleflight"
)

// Options are what an API is made of. Library and Driver are required.
type Options struct {
	// Library is distribution's handler (its handlers.App), with deletion enabled. It answers whatever is not this package's.
	Library http.Handler

	// Driver is the storage of that handler.
	Driver storagedriver.StorageDriver

	// Root is the directory in which Driver keeps its paths as they are. Empty: it keeps them elsewhere, and Library serves the blobs.
	Root string
}

// handler is what [New] makes.
type handler struct {
	library  http.Handler
	driver   storagedriver.StorageDriver
	root     string
	rebuilds singleflight.Group // by repository
	pushes   locks              // read-locked while a manifest is pushed, and locked for each step of a deletion
	pieces   sync.Pool          // see [bulk]
}

// New returns a handler for everything under /v2/.
func New(opts Options) http.Handler {
	return &handler{library: opts.Library, driver: opts.Driver, root: opts.Root, pushes: locks{seed: maphash.MakeSeed()}}
}

// ServeHTTP answers a request, or has the library answer it.
func (h *handler) ServeHTTP(w http.ResponseWriter, req *http.Request) {
	h.serve(req)(w, req)
}

// serve returns what answers req.
func (h *handler) serve(req *http.Request) http.HandlerFunc {
	at := parse(req.URL.Path)
	reads := req.Method == http.MethodGet || req.Method == http.MethodHead
	switch {
	case at.kind == kindReferrers:
		return at.with(h.serveReferrers)
	case at.kind == kindBlob && reads:
		return at.with(h.serveBlob)
	case at.kind == kindManifest && reads:
		return at.with(h.getManifest)
	case at.kind == kindManifest && req.Method == http.MethodPut:
		return at.with(h.putManifest)
	case at.kind == kindManifest && req.Method == http.MethodDelete:
		return at.with(h.deleteManifest)
	case at.kind == kindUpload && req.Method == http.MethodPost:
		return at.with(h.startUpload)
	case at.kind == kindUpload && (req.Method == http.MethodPatch || req.Method == http.MethodPut):
		return at.with(h.continueUpload)
	case at.kind == kindCatalog && reads:
		return h.serveCatalog
	default:
		return h.library.ServeHTTP
	}
}
