package layout

import (
	"path"
	"strings"
)

// hashStates is the directory in an upload that holds the states of hashes, so that they go on where they were.
const hashStates = "hashstates"

// InUpload returns the directory of the unfinished upload that p is in, or is. The second result is false where p is in none.
func InUpload(p string) (dir string, ok bool) {
	before, after, _ := strings.Cut(p, "/"+uploads+"/")
	id, _, _ := strings.Cut(after, "/")
	dir = path.Join(before, uploads)
	if id == "" || !IsUploads(dir) {
		return "", false
	}
	return path.Join(dir, id), true
}

// IsUploads tells whether p is a directory above uploads. That of a tag of its name is none.
func IsUploads(p string) bool {
	return path.Base(p) == uploads && !strings.Contains(p, "/"+manifests+"/")
}

// UploadData is the file with the bytes of the upload whose directory is dir.
func UploadData(dir string) string { return path.Join(dir, "data") }

// HashStateIn returns the algorithm and the offset of the hash state that p is, in the upload whose directory is dir. For the directory of
// all states of an algorithm, the offset is empty. The last result is false where p is neither.
func HashStateIn(dir, p string) (algorithm, offset string, ok bool) {
	rest, ok := strings.CutPrefix(p, path.Join(dir, hashStates)+"/")
	algorithm, offset, _ = strings.Cut(rest, "/")
	return algorithm, offset, ok && algorithm != "" && !strings.Contains(offset, "/")
}
