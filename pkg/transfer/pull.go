package transfer

import (
	"context"

	ocispec "github.com/opencontainers/image-spec/specs-go/v1"
	"oras.land/oras-go/v2/registry/remote"

	"github.com/converged-computing/oras-operator/pkg/artifact"
	"github.com/converged-computing/oras-operator/pkg/tree"
)

// PullOptions are the choices of [Pull]. The zero value is right for most.
type PullOptions struct {
	Concurrency  int               // layers in flight; default [DefaultConcurrency]
	KeepArchives bool              // leave the archives of foreign artifacts as they are
	MaxBytes     int64             // what files may hold together; default artifact.MaxUnpacked
	Platform     *ocispec.Platform // what to take from an image index; default this machine's
	// Select says what to pull, with the directories that lead there; nil is all. Where the artifact has an index, layers
	// that hold nothing of it are not fetched. If nothing is selected the pull fails with [ErrNoMatch]. See [Globs].
	Select   func(tree.Path) bool
	DryRun   bool // only say what would be written, in Result.Planned; the sink is not used and may be nil
	Retry    Retry
	Counters *Counters
}

// Pull writes the artifact that a tag or digest names into a sink and commits it. All content is verified by digest, and
// what is not whole never becomes visible: after an error the sink is aborted. Artifacts that others made are taken by
// their titles and media types, as pkg/artifact/README.md says.
//
// Beside what registries answer it fails with [ErrNotFound], [ErrDigest], artifact.ErrUnsafe, artifact.ErrTooLarge,
// artifact.ErrInvalidIndex, artifact.ErrVersion and whatever the sink returns.
func Pull(ctx context.Context, repo *remote.Repository, ref string, sink Sink, opts PullOptions) (Result, error) {
	p := puller{
		fetcher: newFetcher(repo, newRetrier(opts.Retry, opts.Counters), opts.Concurrency), sink: sink, opts: opts,
		result: Result{Reference: name(repo, ref)},
	}
	err := p.pull(ctx, ref)
	if err != nil && !opts.DryRun {
		_ = sink.Abort(context.WithoutCancel(ctx)) // the cause matters more; the next writer cleans up
	}
	return p.result, wrap(OpPull, p.result.Reference, p.trouble.explain(err))
}

type puller struct {
	fetcher
	sink   Sink
	opts   PullOptions
	picked map[tree.Path]bool // what of an index is selected; nil: ask Select
	enough func() bool        // whether the layers of a foreign artifact that are left may stay; nil: never
	result Result
	seen   []bool // packs that were fetched
}

func (p *puller) pull(ctx context.Context, ref string) error {
	f, err := p.manifest(ctx, p.repo, ref, p.opts.Platform)
	if err != nil {
		return err
	}
	p.result.Descriptor = f.desc
	return p.take(ctx, f)
}

// take writes the artifact of a manifest and commits it.
func (p *puller) take(ctx context.Context, f found) error {
	var err error
	if f.manifest.ArtifactType == artifact.ArtifactType {
		err = p.restore(ctx, f.manifest)
	} else {
		err = p.adopt(ctx, f.manifest)
	}
	if err != nil || p.opts.DryRun {
		return err
	}
	return onTree(p.sink.Commit(ctx))
}

// limit returns how many bytes may be written.
func (p *puller) limit() int64 {
	if p.opts.MaxBytes > 0 {
		return p.opts.MaxBytes
	}
	return artifact.MaxUnpacked
}

// make makes what is not a file, in batches that fit into a message.
func (p *puller) make(ctx context.Context, entries []tree.Entry) error {
	const batch = 1000
	for len(entries) > 0 {
		n := min(batch, len(entries))
		if err := p.sink.Make(ctx, entries[:n]); err != nil {
			return onTree(err)
		}
		entries = entries[n:]
	}
	return nil
}

func (p *puller) count(e tree.Entry) {
	p.result.Files++
	p.result.Bytes += e.Size
}
