package transfer

import (
	"errors"
	"fmt"
	"path"
	"slices"
	"strings"

	"github.com/bmatcuk/doublestar/v4"

	"github.com/converged-computing/oras-operator/pkg/tree"
)

// Globs selects the paths that at least one pattern matches, and all that lies in a directory that one matches. A pattern
// is that of path.Match, for each component of a path by itself; ** stands for any number of components, {a,b} for either.
// It is relative to the root of the tree; "." is the whole tree. The error wraps [ErrInvalidGlob].
func Globs(patterns ...string) (func(tree.Path) bool, error) {
	clean := make([]string, len(patterns))
	for i, pattern := range patterns {
		if err := checkGlob(pattern); err != nil {
			return nil, fmt.Errorf("%w %q: %w", ErrInvalidGlob, pattern, err)
		}
		clean[i] = path.Clean(pattern)
	}
	return func(p tree.Path) bool {
		return slices.ContainsFunc(clean, func(pattern string) bool { return globMatches(pattern, p) })
	}, nil
}

func checkGlob(pattern string) error {
	switch {
	case pattern == "":
		return errors.New("it is empty")
	case path.IsAbs(pattern):
		return errors.New("it is absolute; paths in an artifact are relative")
	case slices.Contains(strings.Split(pattern, "/"), ".."):
		return errors.New(`it holds ".."`)
	case !doublestar.ValidatePattern(pattern):
		return path.ErrBadPattern
	}
	return nil
}

// globMatches tells whether a pattern matches a path or a directory that it lies in.
func globMatches(pattern string, p tree.Path) bool {
	for ; p != "."; p = p.Dir() {
		if doublestar.MatchUnvalidated(pattern, string(p)) {
			return true
		}
	}
	return pattern == "."
}
