package collect

import (
	"context"
	"fmt"
	"sync"

	"github.com/opencontainers/go-digest"
	"golang.org/x/sync/errgroup"

	"github.com/converged-computing/oras-operator/pkg/registry/layout"
)

// readers is how many links or manifests are read at a time.
const readers = 16

// follow reads the links that have to be read.
func (l *looker) follow(ctx context.Context, v *view) error {
	targets := make([]digest.Digest, len(v.unread))
	group, ctx := errgroup.WithContext(ctx)
	group.SetLimit(readers)
	for i, link := range v.unread {
		group.Go(func() (err error) {
			targets[i], err = l.target(ctx, link.path)
			return wrap("reading "+link.path, err)
		})
	}
	if err := group.Wait(); err != nil {
		return err
	}
	for i, link := range v.unread {
		link.note(targets[i])
	}
	return nil
}

// target returns the digest that a link holds, or none if it is gone or does not hold one.
func (l *looker) target(ctx context.Context, link string) (digest.Digest, error) {
	data, err := l.driver.GetContent(ctx, link)
	if missing(err) {
		return "", nil
	}
	if err != nil {
		return "", err
	}
	d, err := digest.Parse(string(data))
	if err != nil {
		l.log.WarnContext(ctx, "A link in the storage does not hold a digest.", "path", link)
		return "", nil //nolint:nilerr // what it names is not known, and then all that it may name is kept
	}
	return d, nil
}

// read reads the manifests that are not known yet, and forgets those that are not there any more.
func (l *looker) read(ctx context.Context, v *view) error {
	var mu sync.Mutex
	known := map[digest.Digest]content{}
	group, ctx := errgroup.WithContext(ctx)
	group.SetLimit(readers)
	asked := map[digest.Digest]bool{}
	for _, repo := range v.repositories {
		for d := range repo.revisions {
			if asked[d] {
				continue
			}
			asked[d] = true
			if c, ok := l.known[d]; ok {
				mu.Lock()
				known[d] = c
				mu.Unlock()
				continue
			}
			group.Go(func() error {
				data, err := l.driver.GetContent(ctx, layout.BlobData(d))
				if missing(err) {
					return nil
				}
				if err != nil {
					return fmt.Errorf("reading the manifest %s: %w", d, err)
				}
				c, err := parse(data)
				if err != nil {
					l.log.WarnContext(ctx, "A manifest cannot be read; all blobs of its repository are kept.", "digest", d, "error", err)
					return nil //nolint:nilerr // it is told apart from one that is gone by its data, which is there
				}
				mu.Lock()
				defer mu.Unlock()
				known[d] = c
				return nil
			})
		}
	}
	if err := group.Wait(); err != nil {
		return err
	}
	l.known = known
	return nil
}
