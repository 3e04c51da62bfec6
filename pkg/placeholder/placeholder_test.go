package placeholder_test

import (
	"strings"
	"testing"

	"gotest.tools/v3/assert"

	"github.com/converged-computing/oras-operator/pkg/placeholder"
)

func TestWhatIsKnownEarlyIsFilledInAndTheRestLater(t *testing.T) {
	text := placeholder.Fill("{namespace}/point-{index}-{{x}", placeholder.Values{"namespace": "team"})
	assert.Equal(t, text, "team/point-{index}-{{x}")
	whole, err := placeholder.Finish(text, placeholder.Values{"index": "7"})
	assert.NilError(t, err)
	assert.Equal(t, whole, "team/point-7-{x}")
}

func TestAPlaceholderThatIsNotKnownIsNamed(t *testing.T) {
	_, err := placeholder.Finish("out-{index}", placeholder.Values{"pod": "p"})
	assert.ErrorContains(t, err, "{index}")
}

func TestTextsAreChecked(t *testing.T) {
	for name, c := range map[string]struct{ text, want string }{
		"every placeholder":         {"{namespace}{pod}{job}{index}{container}{attempt}", ""},
		"no placeholder":            {"plain", ""},
		"literal braces":            {"{{pod}", ""},
		"a range":                   {"point-{0..199}", ""},
		"an unknown one":            {"{uid}", "{uid} is no placeholder"},
		"an open brace":             {"out-{pod", "not closed"},
		"a range with leading zero": {"{00..10}", "no placeholder"},
		"a negative range":          {"{-1..10}", "no placeholder"},
		"an empty one":              {"{}", "no placeholder"},
	} {
		t.Run(name, func(t *testing.T) {
			err := placeholder.Check(c.text)
			if c.want == "" {
				assert.NilError(t, err)
			} else {
				assert.ErrorContains(t, err, c.want)
			}
		})
	}
}

func TestThePlaceholdersOfATextAreListed(t *testing.T) {
	assert.DeepEqual(t, placeholder.In("{pod}/{{index}/{0..3}/{attempt}"), []string{"pod", "attempt"})
}

func TestARangeStandsForEachOfItsNumbers(t *testing.T) {
	texts, err := placeholder.Ranges("a-{0..1}/{8..10}:{pod}{{", 10)
	assert.NilError(t, err)
	assert.DeepEqual(t, texts, []string{
		"a-0/8:{pod}{{", "a-0/9:{pod}{{", "a-0/10:{pod}{{", "a-1/8:{pod}{{", "a-1/9:{pod}{{", "a-1/10:{pod}{{",
	})
}

func TestARangeHasBounds(t *testing.T) {
	for text, want := range map[string]string{
		"{0..99}{0..99}":           "more than 100",
		"{0..9223372036854775807}": "more than 100",
		"{3..2}":                   "before",
	} {
		_, err := placeholder.Ranges(text, 100)
		assert.ErrorContains(t, err, want)
		_, err = placeholder.FirstOfRanges(text, 100)
		assert.ErrorContains(t, err, want)
	}
}

// An author's key of 2 KB must not cost a webhook gigabytes.
func TestTheFirstTextOfARangeCostsOneText(t *testing.T) {
	for _, text := range []string{"a-{0..1}/{8..10}:{pod}{{", "plain", "{7..7}", "{2..3}x{0..1}"} {
		all, err := placeholder.Ranges(text, 100)
		assert.NilError(t, err)
		first, err := placeholder.FirstOfRanges(text, 100)
		assert.NilError(t, err)
		assert.Equal(t, first, all[0])
	}
	long := "{0..9999}" + strings.Repeat("{pod}", 400)
	allocations := testing.AllocsPerRun(1, func() {
		_, err := placeholder.FirstOfRanges(long, 10_000)
		assert.NilError(t, err)
	})
	assert.Assert(t, allocations < 10_000, "%g", allocations)
}

func FuzzFillingInEarlierOrLaterIsTheSame(f *testing.F) {
	f.Add("{namespace}/a-{index}{{", "ns", "3")
	f.Add("{", "{", "}")
	f.Fuzz(func(t *testing.T, text, namespace, index string) {
		if placeholder.Check(text) != nil {
			return
		}
		both := placeholder.Values{"namespace": namespace, "index": index}
		atOnce, err := placeholder.Finish(text, both)
		early := placeholder.Fill(text, placeholder.Values{"namespace": namespace})
		late, lateErr := placeholder.Finish(early, both)
		assert.Equal(t, err == nil, lateErr == nil)
		assert.Equal(t, atOnce, late)
	})
}
