package registry

import "strings"

// route returns what of the API a path is of: one of a few words, for a label of metrics. A repository's name may have any
// of the API's words in it, so the end of the path tells.
func route(path string) string {
	rest, ok := strings.CutPrefix(path, "/v2/")
	if !ok {
		if path == "/v2" {
			return "base"
		}
		return "other"
	}
	parts := strings.Split(rest, "/")
	part := func(fromEnd int) string {
		if fromEnd > len(parts)-1 { // what is before it must be a name
			return ""
		}
		return parts[len(parts)-fromEnd]
	}
	switch {
	case rest == "":
		return "base"
	case rest == "_catalog":
		return "catalog"
	case part(3) == "blobs" && part(2) == "uploads", part(2) == "blobs" && part(1) == "uploads":
		return "upload"
	case part(2) == "blobs":
		return "blob"
	case part(2) == "manifests":
		return "manifest"
	case part(2) == "tags" && part(1) == "list":
		return "tags"
	case part(2) == "referrers":
		return "referrers"
	default:
		return "other"
	}
}
