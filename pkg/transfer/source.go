package transfer

import (
	"context"
	"io"

	"github.com/converged-computing/oras-operator/pkg/tree"
)

// OpenBatch is the number of paths that are asked of a [Source] or [Sink] at once at most.
const OpenBatch = 16

// Source is a tree to push.
type Source interface {
	// List returns the tree. The caller may change what it gets.
	List(ctx context.Context) (tree.Listing, error)
	// Open opens regular files of the tree for reading, in order, at most [OpenBatch] at once. The caller closes each.
	// With an error there are no files. It may be called by several goroutines at once.
	Open(ctx context.Context, paths []tree.Path) ([]File, error)
}

// File is an open regular file of a [Source], such as an [os.File]. Its state is what tree.Stat finds.
type File interface {
	io.ReaderAt
	io.Closer
	tree.Stater
}

// Directory is the tree at a path: a directory with all below, or a single file. See tree.List.
func Directory(path string) Source { return At(tree.Place{Path: path}) }

// At is Directory for a place.
func At(place tree.Place) Source { return source{place} }

type source struct{ place tree.Place }

func (s source) List(context.Context) (tree.Listing, error) { return s.place.List() }

func (s source) Open(_ context.Context, paths []tree.Path) ([]File, error) {
	return collect(paths, func(p tree.Path) (File, error) { return s.place.Open(p) })
}

// collect opens one file for each of some things, all or none.
func collect[T any, F io.Closer](things []T, open func(T) (F, error)) ([]F, error) {
	files := make([]F, 0, len(things))
	for _, thing := range things {
		f, err := open(thing)
		if err != nil {
			closeAll(files)
			return nil, err
		}
		files = append(files, f)
	}
	return files, nil
}

func closeAll[F io.Closer](files []F) {
	for _, f := range files {
		_ = f.Close()
	}
}
