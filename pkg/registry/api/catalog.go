package api

import (
	"net/http"
	"strconv"
)

// MaxPage is the most repositories or tags that one page of a listing holds, the default of distribution's own
// configuration file (configuration/configuration.go, defaultMaxEntries and defaultMaxTags).
const MaxPage = 1000

// serveCatalog lists repositories. Who asks for larger pages than there are gets the largest, and a link to the next: as for tags, where
// the library would refuse.
func (h *handler) serveCatalog(w http.ResponseWriter, req *http.Request) {
	query := req.URL.Query()
	if n, err := strconv.Atoi(query.Get("n")); err == nil && n > MaxPage {
		query.Set("n", strconv.Itoa(MaxPage))
		req = req.Clone(req.Context())
		req.URL.RawQuery = query.Encode()
	}
	h.library.ServeHTTP(w, req)
}
