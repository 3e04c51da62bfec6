package transfer

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"path"
	"strings"

	ocispec "github.com/opencontainers/image-spec/specs-go/v1"
	"oras.land/oras-go/v2/registry/remote"

	"github.com/converged-computing/oras-operator/pkg/tree"
)

// maxLinks is how many symlinks may lead to a file: MAXSYMLINKS of Linux.
const maxLinks = 40

// CatOptions are the choices of [Cat]. The zero value is right for most.
type CatOptions struct {
	Platform *ocispec.Platform // what to take from an image index; default this machine's
	Retry    Retry
	Counters *Counters
}

// Cat writes one file of an artifact. Where the artifact has an index only the layer of the file is fetched; else the
// layers are gone through from the last on until one has it. Symlinks within the artifact are followed.
//
// It fails with fs.ErrNotExist if the artifact has no such path, and with [ErrNotFile]. A file that is not what its digest
// says is [ErrDigest]; a large one has been written by then.
func Cat(ctx context.Context, repo *remote.Repository, ref string, file tree.Path, w io.Writer, opts CatOptions) error {
	err := tree.ValidPath(file)
	if err == nil {
		err = cat(ctx, repo, ref, file, w, opts)
	}
	return wrap(OpRead, string(file)+" of "+name(repo, ref), err)
}

func cat(ctx context.Context, repo *remote.Repository, ref string, file tree.Path, w io.Writer, opts CatOptions) error {
	r := newRetrier(opts.Retry, opts.Counters)
	f, err := r.manifest(ctx, repo, ref, opts.Platform)
	if err != nil {
		return err
	}
	for range maxLinks {
		out := &printer{file: file, w: w, kinds: map[tree.Path]tree.Entry{}}
		p := puller{
			fetcher: newFetcher(repo, r, 0), sink: out, enough: func() bool { return out.written },
			opts: PullOptions{Select: func(p tree.Path) bool { return file.Beneath(p) }}, // what leads there may be a symlink
		}
		if err := p.take(ctx, f); err != nil && !errors.Is(err, ErrNoMatch) {
			return p.trouble.explain(err)
		}
		if out.written {
			return nil
		}
		if file, err = out.follow(file); err != nil {
			return err
		}
	}
	return fmt.Errorf("%q: %w: too many symlinks", string(file), ErrNotFile)
}

// printer is a sink that writes the content of one file to a stream, and notes what else there is.
type printer struct {
	file    tree.Path
	w       io.Writer
	written bool
	kinds   map[tree.Path]tree.Entry
}

func (o *printer) Make(_ context.Context, entries []tree.Entry) error {
	for _, e := range entries {
		o.kinds[e.Path] = e
	}
	return nil
}

func (o *printer) Create(_ context.Context, entries []tree.Entry) ([]io.WriteCloser, error) {
	return collect(entries, func(e tree.Entry) (io.WriteCloser, error) {
		if e.Path != o.file { // one in the place of a directory that should lead to it
			return nopCloser{io.Discard}, nil
		}
		o.written = true
		return nopCloser{o.w}, nil
	})
}

func (o *printer) Commit(context.Context) error { return nil }

func (o *printer) Abort(context.Context) error { return nil }

// follow returns where a path leads to by the first symlink in it.
func (o *printer) follow(file tree.Path) (tree.Path, error) {
	if o.kinds[file].Type == tree.Dir {
		return "", fmt.Errorf("%q: %w: it is a directory", string(file), ErrNotFile)
	}
	link := file
	for p := file; p != "."; p = p.Dir() {
		if o.kinds[p].Type == tree.Symlink {
			link = p
		}
	}
	text := string(o.kinds[link].Link)
	if text == "" {
		return "", fmt.Errorf("%q: %w", string(file), fs.ErrNotExist)
	}
	target := tree.Path(path.Join(string(link.Dir()), text))
	if path.IsAbs(text) || tree.ValidPath(target) != nil {
		return "", fmt.Errorf("%q: %w: it is a symlink to %q", string(link), ErrNotFile, text)
	}
	return target + tree.Path(strings.TrimPrefix(string(file), string(link))), nil
}

type nopCloser struct{ io.Writer }

func (nopCloser) Close() error { return nil }
