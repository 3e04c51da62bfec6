package artifact

import (
	"path"

	"github.com/converged-computing/oras-operator/pkg/tree"
)

// spell returns the n-th spelling of a directory, from 0. All of them mean the same path and no two are equal: suffixes
// are the words over "/" and "/." by length.
func spell(dir string, n int) string {
	var suffix string
	for ; n > 0; n = (n - 1) / 2 {
		if n%2 == 1 {
			suffix = "/" + suffix
		} else {
			suffix = "/." + suffix
		}
	}
	return dir + suffix
}

// Unspelled returns the path that a title means.
func Unspelled(title string) tree.Path { return tree.Path(path.Clean(title)) }
