package transfer

import (
	"context"
	"crypto/sha256"
	"encoding/binary"
	"io"
	"slices"
	"time"

	"github.com/opencontainers/go-digest"
	ocispec "github.com/opencontainers/image-spec/specs-go/v1"

	"github.com/converged-computing/oras-operator/pkg/artifact"
	"github.com/converged-computing/oras-operator/pkg/tree"
)

// Base is an artifact that was pulled and what became of its files. A [Push] of the same files, or of some of them, neither
// reads nor sends again those that are as they were: size, both times and inode say so, which is what make and git trust.
type Base struct {
	repository string
	layers     []ocispec.Descriptor
	index      artifact.Index
	seen       []bool              // packs that were unpacked, so that it is known what is in them; nil: all
	states     map[tree.Path]state // empty until Observe
}

// state identifies a file with its content.
type state struct {
	dev, ino     uint64
	size         int64
	mtime, ctime int64 // nanoseconds since 1970
}

func stateOf(e tree.Entry) state {
	return state{e.Dev, e.Ino, e.Size, e.ModTime.UnixNano(), e.Ctime.UnixNano()}
}

// ClockTick is no less than what may lie between two writes to a file that get the same time: a tick of the kernel's clock
// is 1 to 10 ms.
const ClockTick = 10 * time.Millisecond

// Observe takes the listing of the place that the artifact was pulled into, made right after. Nobody may write to the files
// for a [ClockTick] from then on, or their times would not show it.
func (b *Base) Observe(listing tree.Listing) {
	b.states = make(map[tree.Path]state, len(b.index.Entries))
	now := make(map[tree.Path]tree.Entry, len(listing.Entries))
	for _, e := range listing.Entries {
		now[e.Path] = e
	}
	for _, was := range b.index.Entries {
		e := now[was.Path]
		if was.Type == tree.File && e.Type == tree.File && e.Size == was.Size && e.ModTime.Equal(was.ModTime) {
			b.states[was.Path] = stateOf(e)
		}
	}
}

// Len returns the number of names that the artifact has, each of which takes about 300 bytes of memory.
func (b *Base) Len() int { return len(b.index.Entries) }

// known is what the bases of a push say about its tree.
type known struct {
	files map[state]knownFile
	packs map[[sha256.Size]byte]knownLayer
}

type knownFile struct {
	digest digest.Digest
	from   string // repository that has it as a blob of its own; empty: it is in a pack
}

type knownLayer struct {
	desc    ocispec.Descriptor
	from    string
	entries []artifact.Entry // in their order in the index
}

func newKnown(bases []*Base) known {
	k := known{files: map[state]knownFile{}, packs: map[[sha256.Size]byte]knownLayer{}}
	for _, b := range bases {
		k.add(b)
	}
	return k
}

func (k known) add(b *Base) {
	held := make([][]artifact.Entry, len(b.layers))
	dirs := map[tree.Path]artifact.Entry{}
	for _, e := range b.index.Entries {
		if e.Type == tree.Dir {
			dirs[e.Path] = e
		}
		if e.Layer == artifact.NoLayer {
			continue
		}
		held[e.Layer] = append(held[e.Layer], e)
		if s, ok := b.states[e.Path]; ok && e.Type == tree.File {
			file := knownFile{digest: e.Digest}
			if b.layers[e.Layer].Digest == e.Digest {
				file.from = b.repository
			}
			k.files[s] = file
		}
	}
	for i, desc := range b.layers {
		if isPack(desc) && (b.seen == nil || b.seen[i]) {
			title := desc.Annotations[ocispec.AnnotationTitle]
			k.packs[signature(title, repeated(title, held[i], dirs), held[i])] = knownLayer{desc, b.repository, held[i]}
		}
	}
}

// repeated returns the directories that a pack repeats.
func repeated(title string, held []artifact.Entry, dirs map[tree.Path]artifact.Entry) []artifact.Entry {
	var parents []artifact.Entry
	for _, dir := range artifact.Repeated(title, func(yield func(tree.Entry) bool) {
		for _, e := range held {
			if !yield(e.Entry) {
				return
			}
		}
	}) {
		parents = append(parents, dirs[dir])
	}
	return parents
}

func isPack(desc ocispec.Descriptor) bool {
	return desc.Annotations[artifact.AnnotationUnpack] == "true"
}

// signature is the same for two packs if they unpack to the same.
func signature(title string, parents, entries []artifact.Entry) [sha256.Size]byte {
	h := sha256.New()
	text := func(s string) {
		_, _ = h.Write(binary.LittleEndian.AppendUint32(nil, uint32(len(s)))) // a hash takes everything
		_, _ = io.WriteString(h, s)
	}
	text(string(artifact.Unspelled(title)))
	for _, e := range slices.Concat(parents, []artifact.Entry{{}}, entries) {
		for _, s := range []string{string(e.Path), string(e.Type), string(e.Link), string(e.Digest)} {
			text(s)
		}
		for _, n := range []int64{int64(e.Mode), e.Size, e.ModTime.Unix(), int64(e.ModTime.Nanosecond())} {
			_, _ = h.Write(binary.LittleEndian.AppendUint64(nil, uint64(n)))
		}
	}
	return [sha256.Size]byte(h.Sum(nil))
}

// reuse sees that the registry has a layer of which all is known, without reading a file. It reports whether it could.
func (p *pusher) reuse(ctx context.Context, layer artifact.Layer) (ocispec.Descriptor, bool, error) {
	same, ok := p.recall(layer)
	if !ok {
		return ocispec.Descriptor{}, false, nil
	}
	if there, err := p.mounted(ctx, same.desc, same.from); !there || err != nil {
		return ocispec.Descriptor{}, false, err
	}
	files := 0
	for n, i := range inOrder(layer) {
		p.places[i] = artifact.Placement{Digest: same.entries[n].Digest, Offset: same.entries[n].Offset}
		if same.entries[n].Type == tree.File {
			files++
		}
	}
	p.counters.done(p.layout.Size(layer), files)
	desc := same.desc
	desc.Annotations = map[string]string{ocispec.AnnotationTitle: layer.Title}
	if layer.Pack {
		desc = packDescriptor(layer, desc.Digest, desc.Size)
	}
	return desc, true, nil
}

// recall returns the layer of a base that is the same as one that is planned.
func (p *pusher) recall(layer artifact.Layer) (knownLayer, bool) {
	if len(p.known.files) == 0 {
		return knownLayer{}, false
	}
	var entries []artifact.Entry
	var from string
	for _, i := range inOrder(layer) {
		e := artifact.Entry{Entry: p.layout.Entries[i]}
		if e.Type == tree.File {
			file, ok := p.known.files[stateOf(e.Entry)]
			if !ok {
				return knownLayer{}, false
			}
			e.Digest, from = file.digest, file.from
		}
		entries = append(entries, e)
	}
	if layer.Pack {
		var parents []artifact.Entry
		for _, i := range layer.Parents {
			parents = append(parents, artifact.Entry{Entry: p.layout.Entries[i]})
		}
		same, ok := p.known.packs[signature(layer.Title, parents, entries)]
		return same, ok
	}
	desc := ocispec.Descriptor{MediaType: artifact.MediaTypeRaw, Digest: entries[0].Digest, Size: entries[0].Size}
	return knownLayer{desc, from, entries}, from != ""
}

// inOrder returns the entries of a layer in the order of the index.
func inOrder(layer artifact.Layer) []int { return slices.Sorted(slices.Values(layer.Entries)) }

// mounted sees that the repository has a blob that another one has, and reports whether it does.
func (p *pusher) mounted(ctx context.Context, desc ocispec.Descriptor, from string) (bool, error) {
	if p.trust && from == p.repo.Reference.Repository {
		return true, nil
	}
	there, err := p.exists(ctx, desc.Digest)
	if there || err != nil || from == p.repo.Reference.Repository {
		return there, err
	}
	err = p.do(ctx, "mounting "+desc.Digest.String(), func(ctx context.Context) error {
		s, err := begin(ctx, p.repo, mount{from: from, digest: desc.Digest})
		there = err == nil && s == nil
		if s != nil {
			return s.cancel(ctx)
		}
		return err
	})
	if Final(err) {
		return false, nil // such a registry is sent everything
	}
	return there, err
}
