package transfer

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"path"
	"strings"

	"oras.land/oras-go/v2/registry/remote/errcode"
)

// Match returns what a pattern stands for, sorted: repository[:tag] with a * in either, which stands for any text within
// one part of a repository or within the tag. The tag defaults to [DefaultTag]. A match of a pattern whose tag has no *
// may lack that tag. More than limit matches are an error, as is a registry that does not list its repositories
// ([ErrNoCatalog]).
func (r Registry) Match(ctx context.Context, pattern string, limit int, retry Retry) ([]Reference, error) {
	sample, err := ParseReference(strings.ReplaceAll(pattern, "*", "x"))
	switch {
	case err != nil:
		return nil, fmt.Errorf("%w; a * stands for any text within a part of it", err)
	case sample.Digest != "":
		return nil, fmt.Errorf("%w %q: a digest names one artifact, a pattern several", ErrInvalidReference, pattern)
	}
	repository, tag, tagged := strings.Cut(pattern, ":")
	if !tagged {
		tag = DefaultTag
	}
	m := matcher{registry: r, retrier: newRetrier(retry, nil), limit: limit}
	repositories, err := m.repositories(ctx, repository)
	if err != nil {
		return nil, wrap(OpList, r.Host+"/"+pattern, err)
	}
	var found []Reference
	for _, name := range repositories {
		tags, err := m.tags(ctx, name, tag)
		if err != nil {
			return nil, wrap(OpList, r.Host+"/"+name, err)
		}
		for _, t := range tags {
			found = append(found, Reference{Repository: name, Tag: t})
		}
		if len(found) > limit {
			return nil, wrap(OpList, r.Host+"/"+pattern, m.tooMany())
		}
	}
	return found, nil
}

type matcher struct {
	retrier
	registry Registry
	limit    int
}

func (m matcher) tooMany() error { return tooMany(m.limit) }

func tooMany(limit int) error { return fmt.Errorf("more than %d artifacts match", limit) }

func (m matcher) repositories(ctx context.Context, pattern string) ([]string, error) {
	if !strings.Contains(pattern, "*") {
		return []string{pattern}, nil
	}
	catalog, err := m.registry.catalog()
	if err != nil {
		return nil, err
	}
	found, err := m.list(ctx, "listing the repositories of "+m.registry.Host, pattern, catalog.Repositories)
	return found, noCatalog(err)
}

func (m matcher) tags(ctx context.Context, repository, pattern string) ([]string, error) {
	if !strings.Contains(pattern, "*") {
		return []string{pattern}, nil
	}
	repo, err := m.registry.Repository(repository)
	if err != nil {
		return nil, err
	}
	found, err := m.list(ctx, "listing the tags of "+repository, pattern, repo.Tags)
	var status *errcode.ErrorResponse
	if errors.As(err, &status) && status.StatusCode == http.StatusNotFound {
		return nil, nil // no such repository
	}
	return found, err
}

// list collects the names that match pattern, from every page.
func (m matcher) list(ctx context.Context, op, pattern string, page pages) ([]string, error) {
	return m.names(ctx, op, m.limit, func(name string) bool {
		ok, err := path.Match(pattern, name)
		return ok && err == nil
	}, page)
}
