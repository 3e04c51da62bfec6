package transfer

import (
	ocispec "github.com/opencontainers/image-spec/specs-go/v1"

	"github.com/converged-computing/oras-operator/pkg/artifact"
	"github.com/converged-computing/oras-operator/pkg/tree"
)

// LayerKind says what a layer is made of.
type LayerKind string

// The kinds of layers of pkg/artifact/README.md.
const (
	Raw  LayerKind = "raw"  // one file as it is
	Pack LayerKind = "pack" // an archive that is unpacked
)

// PlannedLayer is a layer that a dry run would move.
type PlannedLayer struct {
	Title string
	Kind  LayerKind
	Files int   // in it that would be moved; 0 where only unpacking an archive tells
	Bytes int64 // in those files
	Size  int64 // of the blob; 0 when it is yet to be made
}

// planned says what a push would send, but for what it knows to be there.
func (p *pusher) planned() []PlannedLayer {
	var plan []PlannedLayer
	for _, layer := range p.layout.Layers {
		if _, known := p.recall(layer); known {
			continue
		}
		one := PlannedLayer{Title: layer.Title, Kind: Raw, Bytes: p.layout.Size(layer)}
		if layer.Pack {
			one.Kind = Pack
		}
		for _, i := range layer.Entries {
			if p.layout.Entries[i].Type == tree.File {
				one.Files++
			}
		}
		plan = append(plan, one)
	}
	return plan
}

// planned says which layers a pull would fetch, and what of them it would write.
func (p *puller) planned(layers []ocispec.Descriptor, parts [][]*artifact.Entry) []PlannedLayer {
	var plan []PlannedLayer
	for i, desc := range layers {
		if len(parts[i]) == 0 {
			continue
		}
		one := PlannedLayer{Title: desc.Annotations[ocispec.AnnotationTitle], Kind: Raw, Size: desc.Size}
		if isPack(desc) {
			one.Kind = Pack
		}
		for _, e := range parts[i] {
			if p.selects(e.Path) {
				one.Files++
				one.Bytes += e.Size
			}
		}
		plan = append(plan, one)
	}
	return plan
}

// plannedForeign is planned for an artifact without an index. What is in its archives is not known.
func (p *puller) plannedForeign(layers []ocispec.Descriptor) error {
	for _, desc := range layers {
		r := recognize(desc, p.opts.KeepArchives)
		one := PlannedLayer{Title: r.title, Kind: Pack, Size: desc.Size}
		switch r.form {
		case formNone, formSkip:
			continue
		case formFile:
			path, err := artifact.CleanName(r.title)
			if err != nil {
				return err
			}
			if !p.selects(path) {
				continue
			}
			one.Kind, one.Files, one.Bytes = Raw, 1, desc.Size
			p.count(tree.Entry{Size: desc.Size})
		}
		p.result.Planned = append(p.result.Planned, one)
	}
	if p.opts.Select != nil && len(p.result.Planned) == 0 {
		return ErrNoMatch
	}
	return nil
}
