package soak

import (
	"testing"
	"time"

	"gotest.tools/v3/assert"
)

func TestASoakGoesOnUntilEnoughHaveBeenKilled(t *testing.T) {
	past, future := time.Now().Add(-time.Minute), time.Now().Add(time.Hour)
	for name, tc := range map[string]struct {
		until        time.Time
		wanted, done int
		want         bool
	}{
		"time and kills are left": {future, 1, 0, false},
		"time is left":            {future, 1, 1, false},
		"kills are left":          {past, 2, 1, false},
		"nothing is left":         {past, 2, 2, true},
		"kills are not counted":   {past, 0, 0, true},
	} {
		t.Run(name, func(t *testing.T) {
			s := &soaking{Options: Options{Kills: tc.wanted}, until: tc.until, striker: &striker{count: map[Participant]int{Sidecar: tc.done}}}
			assert.Equal(t, s.over(), tc.want)
		})
	}
}
