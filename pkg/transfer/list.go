package transfer

import (
	"context"
	"errors"
	"fmt"
	"math"
	"net/http"
	"slices"

	"oras.land/oras-go/v2/registry/remote"
	"oras.land/oras-go/v2/registry/remote/errcode"
)

// Repositories returns the names of all repositories, sorted. A registry that does not list them is [ErrNoCatalog].
func (r Registry) Repositories(ctx context.Context, retry Retry) ([]string, error) {
	catalog, err := r.catalog()
	if err != nil {
		return nil, err
	}
	found, err := newRetrier(retry, nil).names(ctx, "listing the repositories of "+r.Host, math.MaxInt, all, catalog.Repositories)
	return found, wrap(OpList, r.Host, noCatalog(err))
}

// Tags returns all tags of a repository, sorted. It fails with [ErrNotFound] if there is no such repository.
func Tags(ctx context.Context, repo *remote.Repository, retry Retry) ([]string, error) {
	found, err := newRetrier(retry, nil).names(ctx, "listing tags", math.MaxInt, all, repo.Tags)
	if status, ok := errors.AsType[*errcode.ErrorResponse](err); ok && status.StatusCode == http.StatusNotFound {
		err = fmt.Errorf("%w: %w", ErrNotFound, err)
	}
	return found, wrap(OpList, repo.Reference.Registry+"/"+repo.Reference.Repository, err)
}

func all(string) bool { return true }

// catalog returns a client of the whole registry.
func (r Registry) catalog() (*remote.Registry, error) {
	client, err := r.Repository("any") // the name is of no importance
	if err != nil {
		return nil, err
	}
	return &remote.Registry{RepositoryOptions: remote.RepositoryOptions{
		Client: client.Client, Reference: client.Reference, PlainHTTP: client.PlainHTTP,
	}}, nil
}

// noCatalog tells the refusal to list repositories from other errors.
func noCatalog(err error) error {
	status, ok := errors.AsType[*errcode.ErrorResponse](err)
	if ok && status.StatusCode != http.StatusTooManyRequests && status.StatusCode < http.StatusInternalServerError {
		return fmt.Errorf("%w: %w", ErrNoCatalog, err)
	}
	return err
}

// pages calls fn with one page of names after the other, from the one after last.
type pages func(ctx context.Context, last string, fn func([]string) error) error

// names collects the names that are kept, from every page, and sorts them. More than limit are an error.
func (r retrier) names(ctx context.Context, op string, limit int, keep func(string) bool, page pages) ([]string, error) {
	var found []string
	err := r.do(ctx, op, func(ctx context.Context) error {
		found = nil
		return page(ctx, "", func(names []string) error {
			for _, name := range names {
				if keep(name) {
					found = append(found, name)
				}
			}
			if len(found) > limit {
				return tooMany(limit)
			}
			return nil
		})
	})
	slices.Sort(found)
	return slices.Compact(found), err
}
