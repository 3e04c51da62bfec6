package durability

import (
	"fmt"
	"net/http"
	"net/url"
	"time"

	"github.com/opencontainers/go-digest"
)

// ensure makes sure that a repository has a blob, as clients do: they send no blob that is there, and may mount one that another
// repository has.
func (w *worker) ensure(r *repository, b blob) outcome {
	if w.client.do(http.MethodHead, blobPath(r.name, b.digest), nil, nil).status == http.StatusOK {
		w.counts.Skips.Add(1)
		return done
	}
	began := time.Now()
	var result outcome
	var location string
	if w.random.IntN(3) == 0 {
		result, location = w.mount(r, b.digest)
	}
	if result != done {
		result = w.send(r, b, location)
	}
	if result == done {
		r.blobs[b.digest] = began
	}
	return result
}

// mount asks for a blob of any repository. The registry may begin an upload instead.
func (w *worker) mount(r *repository, d digest.Digest) (outcome, string) {
	kinds := []string{Kept, Trimmed, Fleeting}
	from := repositoryName(kinds[w.random.IntN(len(kinds))], w.random.IntN(w.workers))
	a := w.client.do(http.MethodPost, uploadsPath(r.name)+"?mount="+d.String()+"&from="+from, nil, nil)
	switch a.means(http.StatusCreated) {
	case done:
		w.counts.Mounts.Add(1)
		return done, ""
	case refused:
		return refused, ""
	}
	return doubtful, locationOf(a)
}

// send uploads a blob in one of several ways, and goes on at the location if an upload has begun already.
func (w *worker) send(r *repository, b blob, location string) outcome {
	w.counts.Uploads.Add(1)
	way := w.random.IntN(4)
	if way == 0 && location == "" {
		return w.client.do(http.MethodPost, uploadsPath(r.name)+"?digest="+b.digest.String(), byteStream(), b.data).means(http.StatusCreated)
	}
	if location == "" {
		a := w.client.do(http.MethodPost, uploadsPath(r.name), nil, nil)
		if location = locationOf(a); location == "" {
			return min(a.means(http.StatusAccepted), refused) // without a location no upload has begun
		}
	}
	rest := b.data
	switch way {
	case 2: // a stream
		a := w.client.do(http.MethodPatch, location, byteStream(), b.data)
		if result := a.means(http.StatusAccepted); result != done {
			return result
		}
		location, rest = locationOf(a), nil
	case 3:
		var result outcome
		if location, rest, result = w.sendParts(location, b.data); result != done {
			return result
		}
	}
	if w.random.IntN(100) == 0 {
		w.counts.Abandoned.Add(1) // nobody ever ends it
		return doubtful
	}
	return w.client.do(http.MethodPut, withDigest(location, b.digest), byteStream(), rest).means(http.StatusCreated)
}

// sendParts sends content in parts, and returns what is left for the last request. Where a part has no answer, the worker asks how much
// has arrived and goes on from there, maybe at another replica.
func (w *worker) sendParts(location string, data []byte) (next string, rest []byte, result outcome) {
	size := 1 + len(data)/(2+w.random.IntN(3))
	for at := 0; len(data)-at > size; {
		a := w.client.do(http.MethodPatch, location, chunkFrom(at, size), data[at:at+size])
		switch a.means(http.StatusAccepted) {
		case done:
			at += size
			location = locationOf(a)
			rest = data[at:]
			continue
		case refused:
			return "", nil, refused
		}
		pause()
		a = w.client.do(http.MethodGet, location, nil, nil)
		var last int
		if _, err := fmt.Sscanf(a.header.Get("Range"), "0-%d", &last); a.status != http.StatusNoContent || err != nil || last == 0 || last >= len(data)-1 {
			return "", nil, doubtful
		}
		w.counts.Resumed.Add(1)
		at, location = last+1, locationOf(a)
		rest = data[at:]
	}
	if rest == nil {
		rest = data
	}
	return location, rest, done
}

// locationOf is where an upload goes on, as a path.
func locationOf(a answer) string {
	location, err := url.Parse(a.header.Get("Location"))
	if err != nil || a.status != http.StatusAccepted && a.status != http.StatusNoContent {
		return ""
	}
	location.Scheme, location.Host = "", ""
	return location.String()
}

func withDigest(location string, d digest.Digest) string {
	u, err := url.Parse(location)
	if err != nil {
		return location
	}
	query := u.Query()
	query.Set("digest", d.String())
	u.RawQuery = query.Encode()
	return u.String()
}
