package plan

import (
	"cmp"
	"errors"
	"fmt"
	"slices"

	"github.com/converged-computing/oras-operator/pkg/apis/v1alpha1"
)

// Problem is one mistake in a pod's keys: the key, its value, what is wrong and what to do. Whoever finds a mistake of a key
// elsewhere, in what the pod is or the cluster has, tells it in the same way.
type Problem struct {
	Key   string // without the prefix
	Value string
	Text  string
}

// Error is the problem as one sentence.
func (p *Problem) Error() string {
	if p.Value == "" {
		return fmt.Sprintf("%s: %s", p.Key, p.Text)
	}
	return fmt.Sprintf("%s: %q %s", p.Key, p.Value, p.Text)
}

// Of is the key that the problem is of, whatever its number; false where there is no such key.
func (p *Problem) Of() (v1alpha1.Key, bool) {
	known := knownKeys()
	base, _, ok := splitKey(p.Key, known)
	return known[base], ok
}

// problems collects every mistake, so that the user can mend all of them at once.
type problems []*Problem

func (ps *problems) add(key, value, format string, args ...any) {
	*ps = append(*ps, &Problem{Key: key, Value: value, Text: fmt.Sprintf(format, args...)})
}

// err joins the problems, sorted by key; nil for none.
func (ps problems) err() error {
	slices.SortStableFunc(ps, func(a, b *Problem) int {
		return cmp.Or(cmp.Compare(a.Key, b.Key), cmp.Compare(a.Text, b.Text))
	})
	errs := make([]error, len(ps))
	for i, p := range ps {
		errs[i] = p
	}
	return errors.Join(errs...)
}
