package main

import (
	"context"
	"testing"
	"testing/synctest"
	"time"

	"gotest.tools/v3/assert"
)

func TestAReplicaThatIsToldToStopServesOnForAWhileAndIsNotReady(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		told, tell := context.WithCancel(t.Context())
		d := &drain{delay: 5 * time.Second}
		ctx, cancel := d.after(told)
		defer cancel()
		assert.NilError(t, d.ready(nil))
		tell()
		time.Sleep(4 * time.Second)
		synctest.Wait()
		assert.NilError(t, ctx.Err())
		assert.ErrorIs(t, d.ready(nil), errDraining)
		time.Sleep(2 * time.Second)
		synctest.Wait()
		assert.ErrorIs(t, ctx.Err(), context.Canceled)
	})
}
