package gauge

import (
	"testing"
	"time"

	"gotest.tools/v3/assert"
)

func TestTheMedianIsInTheMiddleOfSortedValues(t *testing.T) {
	for name, test := range map[string]struct {
		values []float64
		want   Spread
	}{
		"one":           {[]float64{3}, Spread{3, 3, 3}},
		"an odd number": {[]float64{9, 1, 2}, Spread{2, 1, 9}},
		"an even one":   {[]float64{9, 1, 2, 4}, Spread{3, 1, 9}},
	} {
		t.Run(name, func(t *testing.T) { assert.Equal(t, SpreadOf(test.values), test.want) })
	}
}

func TestProcessorTimeIsOfBothModesWhateverTheProcessIsCalled(t *testing.T) {
	got, err := parseStat("7 (a ) name) S 1 2 3 4 5 6 7 8 9 10 150 25 0 0 20 0")
	assert.NilError(t, err)
	assert.Equal(t, got, 1750*time.Millisecond)
	_, err = parseStat("7 (name) S 1 2")
	assert.ErrorContains(t, err, "3 fields")
}
