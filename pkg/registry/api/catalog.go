package api

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"net/url"
	"path"
	"strconv"

	storagedriver "github.com/distribution/distribution/v3/registry/storage/driver"
	"golang.org/x/sync/errgroup"

	"github.com/converged-computing/oras-operator/pkg/registry/layout"
)

const (
	// MaxPage is the most repositories or tags that one page of a listing holds, the default of distribution's own
	// configuration file (configuration/configuration.go, defaultMaxEntries and defaultMaxTags).
	MaxPage = 1000
	// defaultPage is how many repositories a page holds that is asked for without a number, as with the library
	// (registry/handlers/catalog.go, defaultReturnedEntries).
	defaultPage = 100
)

// serveCatalog lists repositories with manifests. The library lists those too that had some once, or have blobs only. Who asks for
// larger pages than there are gets the largest, and a link to the next: as for tags, where the library would refuse.
func (h *handler) serveCatalog(w http.ResponseWriter, req *http.Request) {
	query := req.URL.Query()
	n := defaultPage
	if given := query.Get("n"); given != "" {
		var err error
		if n, err = strconv.Atoi(given); err != nil || n <= 0 {
			h.library.ServeHTTP(w, req)
			return
		}
	}
	n = min(n, MaxPage)
	page := catalogPage{Repositories: []string{}, last: query.Get("last"), more: true}
	for size := n; page.more && len(page.Repositories) < n; size = MaxPage {
		if err := h.addTo(req.Context(), &page, size); err != nil {
			fail(w, err)
			return
		}
	}
	page.cut(n)
	w.Header().Set("Content-Type", "application/json")
	if page.more {
		next := url.URL{Path: req.URL.Path, RawQuery: url.Values{"n": {strconv.Itoa(n)}, "last": {page.last}}.Encode()}
		w.Header().Set("Link", fmt.Sprintf("<%s>; rel=\"next\"", next.String()))
	}
	_ = json.NewEncoder(w).Encode(page) // who asked is gone
}

// catalogPage is an answer to who asks for repositories.
type catalogPage struct {
	Repositories []string `json:"repositories"`
	last         string   // that was looked at
	more         bool     // may come after it
}

// cut leaves at most n repositories.
func (p *catalogPage) cut(n int) {
	if len(p.Repositories) > n {
		p.Repositories = p.Repositories[:n]
		p.last, p.more = p.Repositories[n-1], true
	}
}

// addTo adds to a page the next repositories, but for those without manifests: it looks at no more than size.
func (h *handler) addTo(ctx context.Context, page *catalogPage, size int) error {
	names, more, err := h.repositories(ctx, page.last, size)
	if err != nil {
		return err
	}
	filled := make([]bool, len(names))
	var group errgroup.Group
	group.SetLimit(readers)
	for i, name := range names {
		group.Go(func() (err error) {
			filled[i], err = h.hasManifests(ctx, name)
			return err
		})
	}
	if err := group.Wait(); err != nil {
		return err
	}
	for i, name := range names {
		page.last = name
		if filled[i] {
			page.Repositories = append(page.Repositories, name)
		}
	}
	page.more = more
	return nil
}

// repositories returns the next size repositories after last, in the order of the storage, and whether there are more. The library's own
// walk ends in a panic where a repository comes right after those that were asked for, as run does after run/1.
func (h *handler) repositories(ctx context.Context, last string, size int) (names []string, more bool, err error) {
	begin := ""
	if last != "" {
		begin = layout.AfterManifests(last)
	}
	err = h.driver.Walk(ctx, layout.Repositories, func(info storagedriver.FileInfo) error {
		name, ok := layout.RepositoryWith(info.Path())
		switch {
		case ok && len(names) == size:
			more = true
			return storagedriver.ErrFilledBuffer // the walk of a directory goes on above, where it is returned again
		case ok:
			names = append(names, name)
			return storagedriver.ErrSkipDir
		case layout.Reserved(path.Base(info.Path())):
			return storagedriver.ErrSkipDir
		}
		return ctx.Err()
	}, storagedriver.WithStartAfterHint(begin))
	if err != nil && !isMissing(err) {
		return nil, false, fmt.Errorf("listing the repositories: %w", err)
	}
	return names, more, nil
}

// hasManifests tells whether a repository has any. The directory of one that was deleted may still be there.
func (h *handler) hasManifests(ctx context.Context, name string) (bool, error) {
	manifests, err := h.digestsIn(ctx, layout.Revisions(name))
	if err != nil {
		return false, err
	}
	for _, d := range manifests {
		_, err := h.driver.Stat(ctx, layout.Revision(name, d))
		if err == nil {
			return true, nil
		}
		if !isMissing(err) {
			return false, fmt.Errorf("looking for a manifest: %w", err)
		}
	}
	return false, nil
}
