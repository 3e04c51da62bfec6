package artifact_test

import (
	"fmt"
	"math/rand/v2"
	"path"
	"slices"
	"strings"
	"testing"
	"time"
	"unicode/utf8"

	"gotest.tools/v3/assert"

	"github.com/converged-computing/oras-operator/pkg/artifact"
	"github.com/converged-computing/oras-operator/pkg/tree"
)

const mib = 1 << 20

func file(p tree.Path, size int64) tree.Entry {
	return tree.Entry{Path: p, Type: tree.File, Mode: 0o644, Size: size}
}

func dir(p tree.Path) tree.Entry { return tree.Entry{Path: p, Type: tree.Dir, Mode: 0o755} }

func link(p, text tree.Path) tree.Entry { return tree.Entry{Path: p, Type: tree.Symlink, Link: text} }

func hard(p, old tree.Path) tree.Entry { return tree.Entry{Path: p, Type: tree.Hardlink, Link: old} }

func executable(e tree.Entry) tree.Entry {
	e.Mode = 0o755
	return e
}

func layout(t *testing.T, c artifact.Compression, entries ...tree.Entry) artifact.Layout {
	t.Helper()
	l, err := artifact.NewLayout(tree.Listing{Entries: entries}, c)
	assert.NilError(t, err)
	check(t, l)
	return l
}

// lines describes layers: "title: entries" for a raw layer, "title/ (parents): entries" for a pack.
func lines(l artifact.Layout) []string {
	var all []string
	for _, layer := range l.Layers {
		line := layer.Title
		if layer.Pack {
			line += " pack"
		}
		for _, i := range layer.Parents {
			line += " (" + string(l.Entries[i].Path) + ")"
		}
		line += ":"
		for _, i := range layer.Entries {
			line += " " + string(l.Entries[i].Path)
		}
		all = append(all, line)
	}
	return all
}

// check holds a layout against the rules that always apply.
func check(t *testing.T, l artifact.Layout) {
	t.Helper()
	titles, held := map[string]bool{}, map[int]int{}
	for _, layer := range l.Layers {
		assert.Assert(t, utf8.ValidString(layer.Title))
		assert.Assert(t, !titles[layer.Title], "two layers are titled %q", layer.Title)
		titles[layer.Title] = true
		known := map[tree.Path]bool{".": true, tree.Path(strings.TrimRight(layer.Title, "/.")): true}
		for _, i := range append(slices.Clone(layer.Parents), layer.Entries...) {
			e := l.Entries[i]
			if layer.Pack {
				assert.Assert(t, e.Path.Beneath(tree.Path(path.Clean(layer.Title))), "%q is not in %q", e.Path, layer.Title)
			}
			if layer.Pack && e.Path != tree.Path(path.Clean(layer.Title)) {
				assert.Assert(t, known[e.Path.Dir()] || known["."] && e.Path.Dir() == ".", "%q has no parent in %q", e.Path, layer.Title)
			}
			known[e.Path] = true
		}
		for _, i := range layer.Entries {
			held[i]++
		}
		if !layer.Pack {
			assert.Equal(t, len(layer.Entries), 1)
			assert.Equal(t, layer.Title, string(l.Entries[layer.Entries[0]].Path))
		}
	}
	for i, e := range l.Entries {
		want := 1
		if slices.Contains(l.Unseen, e.Path) {
			want = 0
		}
		assert.Equal(t, held[i], want, "layers that hold %q", e.Path)
	}
}

func TestLayout(t *testing.T) {
	for name, test := range map[string]struct {
		entries     []tree.Entry
		compression artifact.Compression
		want        []string
		unseen      []tree.Path
	}{
		"a small tree is one pack": {
			entries: []tree.Entry{file("b", 1), dir("a"), file("a/f", 2)},
			want:    []string{". pack: a a/f b"},
		},
		"a tree in one directory is titled with it": {
			entries: []tree.Entry{dir("a"), file("a/f", 2)},
			want:    []string{"a pack: a a/f"},
		},
		"an empty tree has no layers": {},
		"a file of 4 MiB is a layer, one of a byte less is not": {
			entries: []tree.Entry{file("at", 4*mib), file("above", 4*mib+1), file("below", 4*mib-1)},
			want:    []string{"above: above", "at: at", ". pack: below"},
		},
		"a large file in a directory leaves the directory to a pack": {
			entries: []tree.Entry{dir("d"), file("d/f", 5*mib)},
			want:    []string{"d/f: d/f", "d pack: d"},
		},
		"a large executable is a pack of its own": {
			entries: []tree.Entry{dir("d"), executable(file("d/f", 5*mib)), file("g", 1)},
			want:    []string{"d pack: d/f", ". pack: d g"},
		},
		"a large file whose name is not UTF-8 is a pack of its own, below a title that is": {
			entries: []tree.Entry{dir("d"), dir("d/\xff"), file("d/\xff/f", 5*mib)},
			want:    []string{"d pack (d/\xff): d/\xff/f", "d/ pack: d d/\xff"},
		},
		"gzip packs every large file": {
			compression: artifact.Gzip,
			entries:     []tree.Entry{file("f", 5*mib), file("g", 6*mib)},
			want:        []string{". pack: f", "./ pack: g"},
		},
		"inner symlinks end the only pack": {
			entries: []tree.Entry{dir("d"), link("a", "d"), file("z", 1)},
			want:    []string{". pack: d z a"},
		},
		"inner symlinks have a pack with the directories they are in": {
			entries: []tree.Entry{dir("d"), link("d/a", "../d")},
			want:    []string{"d pack: d", ". pack (d): d/a"},
		},
		"links that leave the tree are in the index alone": {
			entries: []tree.Entry{link("abs", "/bin/sh"), dir("d"), link("d/out", "../../x"), link("in", "d/../y")},
			want:    []string{"d pack: d", ". pack: in"},
			unseen:  []tree.Path{"abs", "d/out"},
		},
		"a link comes before the links that it leads through": {
			entries: []tree.Entry{link("a", "d"), dir("d"), link("x", "a/f"), link("y", "x/g")},
			want:    []string{"d pack: d", ". pack: y x a"},
		},
		"links that lead through each other are in the index alone": {
			entries: []tree.Entry{link("a", "b/x"), link("b", "a/x"), link("c", "c")},
			want:    []string{". pack: c"},
			unseen:  []tree.Path{"a", "b"},
		},
		"hard links are in the pack of their file": {
			entries: []tree.Entry{file("a", 1), dir("d"), hard("d/b", "a")},
			want:    []string{". pack: a d d/b"},
		},
		"hard links to a raw layer are in the index alone": {
			entries: []tree.Entry{file("a", 5*mib), hard("b", "a")},
			want:    []string{"a: a"},
			unseen:  []tree.Path{"b"},
		},
		"hard links out of their pack are in the index alone": {
			entries: []tree.Entry{dir("d"), executable(file("d/a", 9*mib)), hard("d/b", "d/a"), hard("e", "d/a")},
			want:    []string{"d pack: d/a d/b", "d/ pack: d"},
			unseen:  []tree.Path{"e"},
		},
		"packs of one directory are spelled differently": {
			entries: append([]tree.Entry{dir("d")},
				files("d/f", 6, 3*mib+mib/2)...),
			want: []string{"d pack: d d/f0 d/f1", "d/ pack: d/f2 d/f3", "d/. pack: d/f4 d/f5"},
		},
		"a pack of a directory deeper down repeats none above it": {
			entries: slices.Concat([]tree.Entry{dir("a"), dir("a/b")}, files("a/b/f", 3, 3*mib), []tree.Entry{dir("a/c"), file("a/c/g", 1)}),
			want:    []string{"a/b pack: a/b a/b/f0 a/b/f1", "a/b/ pack: a/b/f2", "a pack: a a/c a/c/g"},
		},
		"a directory that is too large is split from its siblings": {
			entries: slices.Concat([]tree.Entry{dir("a"), file("a/f", 1), dir("b")}, files("b/f", 3, 3*mib), []tree.Entry{file("c", 1)}),
			want:    []string{"b pack: b b/f0 b/f1", "b/ pack: b/f2", ". pack: a a/f c"},
		},
	} {
		t.Run(name, func(t *testing.T) {
			l := layout(t, test.compression, test.entries...)
			assert.DeepEqual(t, lines(l), test.want)
			assert.DeepEqual(t, l.Unseen, test.unseen)
		})
	}
}

func files(prefix tree.Path, n int, size int64) []tree.Entry {
	var all []tree.Entry
	for i := range n {
		all = append(all, file(tree.Path(fmt.Sprintf("%s%0*d", prefix, len(fmt.Sprint(n-1)), i)), size))
	}
	return all
}

func TestLayoutOfASingleFile(t *testing.T) {
	for name, test := range map[string]struct {
		entry tree.Entry
		want  []string
	}{
		"stays a file":                {file("out.txt", 3), []string{"out.txt: out.txt"}},
		"stays a file when empty":     {file("out.txt", 0), []string{"out.txt: out.txt"}},
		"keeps its mode in a pack":    {executable(file("run", 3)), []string{". pack: run"}},
		"keeps an odd name in a pack": {file("\xff", 3), []string{". pack: \xff"}},
	} {
		t.Run(name, func(t *testing.T) {
			l, err := artifact.NewLayout(tree.Listing{Entries: []tree.Entry{test.entry}, File: true}, artifact.Auto)
			assert.NilError(t, err)
			assert.DeepEqual(t, lines(l), test.want)
		})
	}
}

func TestE71AByteMoreIsAnotherLayout(t *testing.T) {
	const full = 4*mib - 512 // with its header, half a pack
	for name, test := range map[string]struct {
		entries []tree.Entry
		want    []string
	}{
		"a file below the size of a layer of its own": {[]tree.Entry{file("f", 4*mib-1)}, []string{". pack: f"}},
		"a file of that size":                         {[]tree.Entry{file("f", 4*mib)}, []string{"f: f"}},
		"a file above it":                             {[]tree.Entry{file("f", 4*mib+1)}, []string{"f: f"}},
		"files that fill a pack":                      {[]tree.Entry{file("f", full), file("g", full)}, []string{". pack: f g"}},
		"files with a byte less":                      {[]tree.Entry{file("f", full), file("g", full-1)}, []string{". pack: f g"}},
		"files with a byte more":                      {[]tree.Entry{file("f", full), file("g", full+1)}, []string{". pack: f", "./ pack: g"}},
		"a directory that fills the pack of its parent": {
			[]tree.Entry{file("a", 1), dir("d"), file("d/f", full), file("d/g", full-3*512), file("z", 1)},
			[]string{". pack: a d d/f d/g", "./ pack: z"},
		},
		"a directory with a byte more": {
			[]tree.Entry{file("a", 1), dir("d"), file("d/f", full), file("d/g", full-3*512+1), file("z", 1)},
			[]string{". pack: a", "d pack: d d/f d/g", "./ pack: z"},
		},
		"a directory more": {[]tree.Entry{dir("d"), file("f", full), file("g", full)}, []string{". pack: d f", "./ pack: g"}},
	} {
		t.Run(name, func(t *testing.T) {
			assert.DeepEqual(t, lines(layout(t, artifact.Auto, test.entries...)), test.want)
		})
	}
}

func TestE71LayoutRaisesTheThresholdForManyLargeFiles(t *testing.T) {
	many := append(files("a", 2001, 5*mib), file("b", 9*mib))
	l := layout(t, artifact.Auto, many...)
	raw := 0
	for _, layer := range l.Layers {
		if !layer.Pack {
			raw++
		}
	}
	assert.Equal(t, raw, 1)
	assert.Equal(t, len(layout(t, artifact.Auto, files("a", 2000, 5*mib)...).Layers), 2000)
}

func TestLayoutDoesNotDependOnOrderOrIdentity(t *testing.T) {
	entries := randomTree(rand.New(rand.NewPCG(1, 2)), 3000)
	want := lines(layout(t, artifact.Auto, entries...))
	shuffled := slices.Clone(entries)
	for i := range shuffled {
		j := rand.IntN(i + 1)
		shuffled[i], shuffled[j] = shuffled[j], shuffled[i]
		shuffled[i].Ino, shuffled[i].Ctime = uint64(i), time.Unix(int64(i), 0)
	}
	assert.DeepEqual(t, lines(layout(t, artifact.Auto, shuffled...)), want)
}

// randomTree makes a tree of about n entries in random directories.
func randomTree(r *rand.Rand, n int) []tree.Entry {
	all := []tree.Entry{}
	dirs := []tree.Path{"."}
	for i := range n {
		p := dirs[r.IntN(len(dirs))].Join(fmt.Sprintf("n%d", i))
		switch r.IntN(10) {
		case 0, 1:
			all, dirs = append(all, dir(p)), append(dirs, p)
		case 2:
			all = append(all, link(p, tree.Path(fmt.Sprintf("../n%d/x", r.IntN(n)))))
		case 3:
			all = append(all, executable(file(p, r.Int64N(9*mib))))
		default:
			all = append(all, file(p, r.Int64N(64<<10)))
		}
	}
	return all
}

func TestLayoutKeepsItsRulesForRandomTrees(t *testing.T) {
	for seed := range uint64(30) {
		r := rand.New(rand.NewPCG(seed, 0))
		l := layout(t, artifact.Auto, randomTree(r, 1+r.IntN(2000))...)
		for _, layer := range l.Layers {
			size := l.Size(layer) + int64(len(layer.Entries))*512
			assert.Assert(t, !layer.Pack || size <= artifact.PackSize || len(layer.Entries) == 1, "%s: %d bytes", layer.Title, size)
		}
	}
}

// TestLayoutIsStable counts the packs that another tree would have to send anew.
func TestLayoutIsStable(t *testing.T) {
	var entries []tree.Entry
	for d := range 200 {
		p := tree.Path(fmt.Sprintf("d%03d", d))
		entries = append(append(entries, dir(p)), files(p+"/f", 100, 4096)...)
	}
	before := lines(layout(t, artifact.Auto, entries...))
	assert.Assert(t, len(before) >= 10 && len(before) <= 40, "%d packs", len(before))
	with := layout(t, artifact.Auto, append(entries, file("d050/new", 4096), file("d150/new", 4096))...)
	same := 0
	for _, line := range lines(with) {
		if _, content, _ := strings.Cut(line, ":"); slices.ContainsFunc(before, func(b string) bool { return strings.HasSuffix(b, ":"+content) }) {
			same++
		}
	}
	assert.Assert(t, len(with.Layers)-same <= 4, "%d of %d packs differ", len(with.Layers)-same, len(with.Layers))
}

func TestLayoutRefusesWhatIsNoTree(t *testing.T) {
	for name, entries := range map[string][]tree.Entry{
		"a path that leads out":            {file("../x", 1)},
		"an absolute path":                 {file("/x", 1)},
		"a path twice":                     {file("a", 1), file("a", 1)},
		"a path in no directory":           {file("a/b", 1)},
		"a path in a file":                 {file("a", 1), file("a/b", 1)},
		"a path in a symlink":              {link("a", "b"), file("a/b", 1)},
		"a negative size":                  {file("a", -1)},
		"a size that overflows":            {file("a", 1<<62)},
		"a directory with a size":          {{Path: "a", Type: tree.Dir, Size: 1}},
		"a type that is none":              {{Path: "a", Type: "device"}},
		"a mode that is none":              {{Path: "a", Type: tree.File, Mode: 1 << 20}},
		"a symlink to nothing":             {link("a", "")},
		"a symlink with a NUL":             {link("a", "b\x00")},
		"a hard link to nothing":           {hard("a", "b")},
		"a hard link to a symlink":         {link("a", "x"), hard("b", "a")},
		"a hard link to what comes later":  {hard("a", "b"), file("b", 1)},
		"a hard link to itself":            {hard("a", "a")},
		"a hard link out of the tree":      {hard("a", "../b")},
		"a subtree that is not in its run": {dir("a"), file("b/c", 1)},
	} {
		t.Run(name, func(t *testing.T) {
			_, err := artifact.NewLayout(tree.Listing{Entries: entries}, artifact.Auto)
			assert.ErrorIs(t, err, artifact.ErrInvalidTree)
		})
	}
}
