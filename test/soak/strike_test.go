package soak

import (
	"testing"

	"gotest.tools/v3/assert"
)

func TestWhetherAnEndIsRecordedIsSeenFromTheRecords(t *testing.T) {
	const dir = "/oras/run/app/app"
	for name, tc := range map[string]struct {
		listing string
		want    bool
	}{
		"nothing ran":                        {dir + "\n", false},
		"one runs":                           {dir + "/1\n" + dir + "/1/started\n", false},
		"one has ended":                      {dir + "/1/done\n" + dir + "/1/started\n", true},
		"another runs after it":              {dir + "/1/done\n" + dir + "/1/started\n" + dir + "/2/started\n", false},
		"the tenth runs after the ninth":     {dir + "/10/started\n" + dir + "/9/done\n" + dir + "/9/started\n", false},
		"the tenth has ended":                {dir + "/10/done\n" + dir + "/10/started\n" + dir + "/9/started\n", true},
		"its record is being written":        {dir + "/1/done.tmp\n" + dir + "/1/started\n", false},
		"the one after it did not run again": {dir + "/1/done\n" + dir + "/1/started\n" + dir + "/2/done\n", true},
	} {
		t.Run(name, func(t *testing.T) { assert.Equal(t, recorded(tc.listing), tc.want) })
	}
}
