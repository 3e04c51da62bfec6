package transfer

import (
	"context"
	"errors"
	"time"

	"oras.land/oras-go/v2/registry/remote"

	"github.com/converged-computing/oras-operator/pkg/artifact"
	"github.com/converged-computing/oras-operator/pkg/tree"
)

// PatchOptions say what [Patch] changes.
type PatchOptions struct {
	Remove      []string             // patterns of [Globs]; each has to match something
	Add         []Addition           // after that, in order
	Compression artifact.Compression // of what is sent; default artifact.Auto
	Concurrency int                  // layers in flight; default [DefaultConcurrency]
	DryRun      bool                 // only say what would be sent, in Result.Planned
	Retry       Retry
	Counters    *Counters
}

// Patch changes files of an artifact that [Push] made, and gives its tag to what comes out: the same as if the changed tree
// had been pushed. It fetches the manifest and the index. Of the content it fetches the packs that lose or gain a small file
// and keep another, usually of 8 MiB at most; large files are sent alone, and all other layers stay as they are.
//
// The tag is looked at again right before it moves; when somebody else has moved it, the patch is made again to what it is
// then. A registry cannot tell the two apart that come in the same moment: the last wins.
//
// Beside what [Push] fails with there are [ErrNoIndex], [ErrNoMatch], [ErrInvalidGlob], [ErrConflict], [ErrPackTooLarge], and
// fs.ErrExist where a file would replace a directory. Files and Bytes of the result are those of the whole tree.
func Patch(ctx context.Context, repo *remote.Repository, tag string, opts PatchOptions) (Result, error) {
	var result Result
	err := validTag(tag)
	if err == nil {
		result, err = patchLatest(ctx, repo, tag, opts)
	}
	result.Reference = name(repo, tag)
	return result, wrap(OpPatch, result.Reference, err)
}

// patchLatest patches until nobody has moved the tag meanwhile.
func patchLatest(ctx context.Context, repo *remote.Repository, tag string, opts PatchOptions) (result Result, err error) {
	const rounds = 5
	for range rounds {
		if result, err = patch(ctx, repo, tag, opts); !errors.Is(err, ErrConflict) {
			break
		}
	}
	return result, err
}

// patch makes a patch to what the tag is now. It is [ErrConflict] if that is no longer so in the end.
func patch(ctx context.Context, repo *remote.Repository, tag string, opts PatchOptions) (Result, error) {
	from := newFetcher(repo, newRetrier(opts.Retry, opts.Counters), opts.Concurrency)
	f, err := from.manifest(ctx, repo, tag, nil)
	if err != nil {
		return Result{}, from.trouble.explain(err)
	}
	if f.manifest.ArtifactType != artifact.ArtifactType || f.named.Digest != f.desc.Digest {
		return Result{}, ErrNoIndex
	}
	x, err := from.index(ctx, repo, f.manifest)
	if err != nil {
		return Result{}, from.trouble.explain(err)
	}
	now := time.Now().UTC().Truncate(time.Second)
	changed := newAmended(x, now)
	if err := changed.apply(opts); err != nil {
		return Result{}, err
	}
	layers := contentLayers(f.manifest)
	lineage := artifact.LineageOf(f.manifest.Annotations)
	lineage.Created, lineage.PatchedFrom = now, f.desc.Digest.String()
	p := newPusher(repo, tag, &overlay{fetcher: from, tree: changed, single: isSingle(x, f), index: x, layers: layers}, PushOptions{
		Lineage: lineage, Compression: opts.Compression, Concurrency: opts.Concurrency, DryRun: opts.DryRun,
		Bases: []*Base{{repository: repo.Reference.Repository, layers: layers, index: x, states: changed.states(x)}},
		Retry: opts.Retry, Counters: opts.Counters,
	})
	p.trust = true
	p.last = func(ctx context.Context) error { return unmoved(ctx, p, tag, f) }
	err = p.push(ctx, tag)
	p.result.Uploaded = p.uploaded.Load()
	p.result.Warnings = append(changed.warnings, p.result.Warnings...)
	return p.result, p.trouble.explain(err)
}

// apply makes the changes that the options ask for.
func (a *amended) apply(opts PatchOptions) error {
	if err := a.remove(opts.Remove); err != nil {
		return err
	}
	for _, what := range opts.Add {
		if err := a.add(what); err != nil {
			return err
		}
	}
	return nil
}

// states tells the files of the artifact from all others.
func (a *amended) states(x artifact.Index) map[tree.Path]state {
	states := make(map[tree.Path]state, len(a.old))
	for _, i := range a.old {
		states[x.Entries[i].Path] = stateOf(oldFile(x, i))
	}
	return states
}

// isSingle reports whether an artifact is a file that was pushed as such.
func isSingle(x artifact.Index, f found) bool {
	return len(x.Entries) == 1 && len(contentLayers(f.manifest)) == 1 && !isPack(f.manifest.Layers[0])
}

// unmoved is ErrConflict if the tag is not what it was.
func unmoved(ctx context.Context, p *pusher, tag string, was found) error {
	return p.do(ctx, "resolving "+tag, func(ctx context.Context) error {
		now, err := p.repo.Resolve(ctx, tag)
		if err == nil && now.Digest != was.desc.Digest {
			err = ErrConflict
		}
		return err
	})
}
