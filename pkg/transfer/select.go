package transfer

import (
	"context"
	"io"
	"slices"

	"github.com/converged-computing/oras-operator/pkg/artifact"
	"github.com/converged-computing/oras-operator/pkg/tree"
)

// selects reports whether a file is to be written.
func (p *puller) selects(path tree.Path) bool {
	if p.picked != nil {
		return p.picked[path]
	}
	return p.opts.Select == nil || p.opts.Select(path)
}

// only returns what is to be written of the files of a layer.
func (p *puller) only(files []*artifact.Entry) []*artifact.Entry {
	if p.picked == nil {
		return files
	}
	return slices.DeleteFunc(slices.Clone(files), func(e *artifact.Entry) bool { return !p.picked[e.Path] })
}

// narrow leaves of a divided index what is selected: layers that hold nothing of it have no parts any more, of the rest
// only what is selected remains, and the directories that lead there. A hard link whose file is not selected becomes that
// file: it is fetched under its own name and written under that of the link.
func (p *puller) narrow(x artifact.Index, parts [][]*artifact.Entry, others map[tree.Type][]tree.Entry) error {
	if p.opts.Select == nil {
		return nil
	}
	s := newSelection(x, p.opts.Select)
	if len(s.kept) == 0 {
		return ErrNoMatch
	}
	p.picked = s.files
	if len(s.renamed) > 0 {
		p.sink = renaming{Sink: p.sink, to: s.renamed}
	}
	for i, files := range parts {
		if !slices.ContainsFunc(files, func(e *artifact.Entry) bool { return s.files[e.Path] }) {
			parts[i] = nil
		}
	}
	for kind, entries := range others {
		others[kind] = slices.DeleteFunc(entries, func(e tree.Entry) bool { return !s.kept[e.Path] || s.linked[e.Path] })
	}
	return nil
}

// selection is what is selected of a tree.
type selection struct {
	kept    map[tree.Path]bool      // selected entries and their parents
	files   map[tree.Path]bool      // files whose content is wanted, by the name that they have in the artifact
	linked  map[tree.Path]bool      // hard links that become files
	renamed map[tree.Path]tree.Path // from the file to the link that stands for it
}

func newSelection(x artifact.Index, selects func(tree.Path) bool) selection {
	s := selection{
		kept: map[tree.Path]bool{}, files: map[tree.Path]bool{}, linked: map[tree.Path]bool{}, renamed: map[tree.Path]tree.Path{},
	}
	for _, e := range x.Entries {
		if !selects(e.Path) {
			continue
		}
		for p := e.Path; p != "." && !s.kept[p]; p = p.Dir() {
			s.kept[p] = true
		}
		switch {
		case e.Type == tree.File:
			s.files[e.Path] = true
		case e.Type == tree.Hardlink && !s.files[e.Link]: // its file comes before it
			s.files[e.Link], s.linked[e.Path], s.renamed[e.Link] = true, true, e.Path
		}
	}
	return s
}

// renaming is a sink in which some files have other names.
type renaming struct {
	Sink
	to map[tree.Path]tree.Path
}

func (r renaming) Create(ctx context.Context, entries []tree.Entry) ([]io.WriteCloser, error) {
	return r.Sink.Create(ctx, r.rename(entries, func(e *tree.Entry) *tree.Path { return &e.Path }))
}

func (r renaming) Make(ctx context.Context, entries []tree.Entry) error {
	return r.Sink.Make(ctx, r.rename(entries, func(e *tree.Entry) *tree.Path {
		if e.Type == tree.Hardlink {
			return &e.Link
		}
		return &e.Path
	}))
}

func (r renaming) rename(entries []tree.Entry, name func(*tree.Entry) *tree.Path) []tree.Entry {
	renamed := slices.Clone(entries)
	for i := range renamed {
		if to, ok := r.to[*name(&renamed[i])]; ok {
			*name(&renamed[i]) = to
		}
	}
	return renamed
}
