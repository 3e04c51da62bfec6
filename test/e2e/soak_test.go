//go:build e2e

package e2e

import (
	"context"
	"log/slog"
	"os"
	"strings"
	"testing"
	"time"

	"gotest.tools/v3/assert"
	is "gotest.tools/v3/assert/cmp"

	"github.com/converged-computing/oras-operator/test/soak"
)

// The short form of `make soak`. Not parallel: everything in the cluster feels it.
func TestAMinuteOfSoakBreaksNoPromise(t *testing.T) {
	c := connect(t)
	var log strings.Builder
	ctx, cancel := context.WithTimeout(t.Context(), 40*time.Minute)
	defer cancel()
	report, err := soak.Run(ctx, c.Cluster, soak.Options{
		Seed: 1, Time: time.Minute, Kills: 1, Parallel: 2, Evidence: "../../dist/soak", Log: slog.New(slog.NewTextHandler(&log, nil)),
	})
	assert.NilError(t, report.Print(os.Stdout))
	assert.NilError(t, err, log.String())
	assert.Assert(t, report.StepsRun() > 0 && report.KillsDone() > 0, log.String())
	assert.Assert(t, is.Len(report.Broken, 0), log.String())
}
