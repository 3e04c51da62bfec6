package collect

import "time"

// Report says what a round found and did.
type Report struct {
	// Started is when the round began, by this machine's clock, and Took how long it was.
	Started time.Time     `json:"started"`
	Took    time.Duration `json:"took"`
	// Repositories (with manifests), Tags, Manifests and Blobs are how many there were before anything was removed, but for links to nothing, and Bytes the size of all blobs.
	Repositories int   `json:"repositories"`
	Tags         int   `json:"tags"`
	Manifests    int   `json:"manifests"`
	Blobs        int   `json:"blobs"`
	Bytes        int64 `json:"bytes"`
	// Quarantined is how many tags, manifests and blobs wait for their end.
	Quarantined int `json:"quarantined"`
	// Removed is how many went in this round, and RemovedBytes the size of the blobs among them.
	Removed      Removed `json:"removed"`
	RemovedBytes int64   `json:"removedBytes"`
}

// Removed are numbers of what was removed.
type Removed struct {
	Tags      int `json:"tags"`
	Manifests int `json:"manifests"`
	Blobs     int `json:"blobs"`
}

// found takes in what a look found.
func (r *Report) found(s *snapshot) {
	r.Repositories, r.Tags, r.Manifests = s.counts.repositories, s.counts.tags, s.counts.manifests
	r.Blobs, r.Bytes = s.counts.blobs, s.counts.bytes
}

// removed takes in that n is gone.
func (r *Report) removed(n node, t *thing) {
	switch n.kind {
	case tagKind:
		r.Removed.Tags++
	case manifestKind:
		r.Removed.Manifests++
	case blobKind:
		r.Removed.Blobs++
		r.RemovedBytes += t.size
	}
}
