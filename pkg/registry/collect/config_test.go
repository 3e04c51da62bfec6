package collect_test

import (
	"testing"

	"gotest.tools/v3/assert"

	"github.com/converged-computing/oras-operator/pkg/registry/collect"
)

func TestWrongSettingsAreErrors(t *testing.T) {
	rule := func(r collect.Rule) collect.Config { return collect.Config{Retention: []collect.Rule{r}} }
	tests := map[string]struct {
		cfg  collect.Config
		want string
	}{
		"a schedule that is none":   {collect.Config{Schedule: "hourly"}, "schedule: "},
		"a negative grace period":   {collect.Config{GracePeriod: -1}, "gracePeriod: -1ns is negative"},
		"a Lease of no namespace":   {collect.Config{Lease: "oras"}, `lease: "oras" is not NAMESPACE/NAME`},
		"a rule for nothing":        {rule(collect.Rule{TTL: 1}), "retention[0]: repositories: no glob"},
		"a rule that says nothing":  {rule(collect.Rule{Repositories: "**"}), "retention[0]: none of ttl"},
		"a glob that is none":       {rule(collect.Rule{Repositories: "[", TTL: 1}), `"[" is not a glob`},
		"a negative number of tags": {rule(collect.Rule{Repositories: "a", KeepLast: -1}), "must not be negative"},
	}
	for name, tc := range tests {
		t.Run(name, func(t *testing.T) {
			assert.ErrorContains(t, tc.cfg.Validate(), tc.want)
		})
	}
}
