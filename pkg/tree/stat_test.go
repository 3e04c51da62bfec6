package tree

import (
	"testing"
	"time"

	"gotest.tools/v3/assert"
)

func TestE72TimesAreBroughtIntoWhatJSONCanHold(t *testing.T) {
	tests := map[string]struct {
		in   time.Time
		year int
	}{
		"a year of five digits":  {time.Unix(1<<40, 0), 9999},
		"before the first year":  {time.Unix(-1<<40, 0), 1},
		"an ordinary time stays": {time.Unix(1_700_000_000, 5), 2023},
	}
	for name, tc := range tests {
		t.Run(name, func(t *testing.T) {
			got := clamp(tc.in)
			assert.Equal(t, got.Year(), tc.year)
			assert.Assert(t, !got.IsZero(), "the zero time means unknown")
			_, err := got.MarshalJSON()
			assert.NilError(t, err)
		})
	}
}
