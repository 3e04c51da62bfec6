package registry

import (
	"context"
	"net/http"
	"sync"

	storagedriver "github.com/distribution/distribution/v3/registry/storage/driver"

	"github.com/converged-computing/oras-operator/pkg/registry/layout"
	"github.com/converged-computing/oras-operator/pkg/registry/storage"
)

// fullAnswer is what a client is told when there is no room for what it sends.
func fullAnswer() *refusal {
	return &refusal{
		http.StatusInsufficientStorage, "DENIED",
		"The storage of this registry is full, and nothing of this request was kept. Delete artifacts, or ask " +
			"those who run the registry (in a cluster: the owner of the OrasCache) for more room.",
	}
}

// answerFull overrules what next answers to a request that met a full disk, and takes back what was written of its upload
// in driver. The library does not tell such an error from others, and drops some.
func answerFull(driver storagedriver.StorageDriver) func(http.Handler) http.Handler {
	return func(next http.Handler) http.Handler {
		return http.HandlerFunc(func(w http.ResponseWriter, req *http.Request) {
			if req.Method == http.MethodGet || req.Method == http.MethodHead {
				next.ServeHTTP(w, req)
				return
			}
			ctx, full := storage.WatchFull(req.Context())
			notes := &diskNotes{full: full}
			answer := &overruled{ResponseWriter: w, decide: notes.judge}
			next.ServeHTTP(answer, req.WithContext(context.WithValue(ctx, diskNotesKey{}, notes)))
			answer.end(func() {
				// The client may be gone already; what it left goes too.
				notes.takeBack(context.WithoutCancel(req.Context()), driver)
			})
		})
	}
}

type diskNotesKey struct{}

// diskNotes is what the driver has seen of one request.
type diskNotes struct {
	full    func() bool // whether it has met a full disk
	mu      sync.Mutex
	uploads map[string]bool // directories that were written to
	writers []storagedriver.FileWriter
}

// notesOf returns the notes on the request of ctx; nil takes none.
func notesOf(ctx context.Context) *diskNotes {
	notes, _ := ctx.Value(diskNotesKey{}).(*diskNotes)
	return notes
}

// touched notes that path is written to, by writer if it is not nil.
func (n *diskNotes) touched(path string, writer storagedriver.FileWriter) {
	upload, ok := layout.InUpload(path)
	if n == nil || !ok {
		return
	}
	n.mu.Lock()
	defer n.mu.Unlock()
	if n.uploads == nil {
		n.uploads = map[string]bool{}
	}
	n.uploads[upload] = true
	if writer != nil {
		n.writers = append(n.writers, writer)
	}
}

// judge overrules an answer if the disk was full. That something was made (201) is said only when all of it is there; that
// more may be sent (202) may be said although the end of what was sent could not be written.
func (n *diskNotes) judge(status int) *refusal {
	if !n.full() || status == http.StatusCreated {
		return nil
	}
	return fullAnswer()
}

// takeBack removes the uploads that the request wrote to. Its client begins anew: it cannot know how much was written.
func (n *diskNotes) takeBack(ctx context.Context, driver storagedriver.StorageDriver) {
	n.mu.Lock()
	writers, uploads := n.writers, n.uploads
	n.mu.Unlock()
	for _, writer := range writers {
		_ = writer.Close() // only a file that nobody has open gives its space back
	}
	for upload := range uploads {
		_ = driver.Delete(ctx, upload) // what is left is collected as any abandoned upload
	}
}
