package soak

import (
	"errors"
	"testing"

	"gotest.tools/v3/assert"
	is "gotest.tools/v3/assert/cmp"
)

func TestWhatBreaksAPromiseIsSaid(t *testing.T) {
	good := Step{Name: "s", On: "success", OutputOnVolume: true}
	bad := Step{Name: "s", On: "success", OutputOnVolume: true, ExitCode: 3}
	always := Step{Name: "s", On: "always", OutputOnVolume: true}
	once := map[string][]string{"p": {lineStart, lineEnd}}
	twice := map[string][]string{"p": {lineStart, lineEnd, lineStart}}
	whole := &Artifact{ExitCode: new(0)}
	for name, tc := range map[string]struct {
		seen Outcome
		want string // in the one sentence; empty: there is none
	}{
		"complete with its artifact":       {Outcome{Step: good, State: Complete, Ledger: once, Artifact: whole}, ""},
		"complete without":                 {Outcome{Step: good, State: Complete, Ledger: once}, "Complete without its artifact"},
		"complete with half":               {Outcome{Step: always, State: Complete, Artifact: &Artifact{Incomplete: true, ExitCode: new(0)}}, "without its artifact"},
		"complete with what a kill left":   {Outcome{Step: always, State: Complete, Artifact: &Artifact{ExitCode: new(137)}}, "without its artifact"},
		"a success of what fails":          {Outcome{Step: bad, State: Failed, Ends: []End{{Code: 0}}}, "has ended with 0"},
		"inputs that nobody asked for":     {Outcome{Step: good, State: Failed, Ends: []End{{Code: 200}}}, "has ended with 200"},
		"complete though it fails":         {Outcome{Step: bad, State: Complete}, "ends with 3"},
		"hung":                             {Outcome{Step: good, State: Hung}, "not ended within"},
		"not run":                          {Outcome{Step: good, State: NotRun}, ""},
		"failed, nothing there":            {Outcome{Step: bad, State: Failed, Ledger: once, Ends: []End{{Code: 3}}}, ""},
		"failed after the push":            {Outcome{Step: good, State: Failed, Ledger: once, Artifact: whole}, ""},
		"a tag of a part":                  {Outcome{Step: good, State: Failed, Ledger: once, Artifact: &Artifact{Broken: errors.New("gone"), ExitCode: new(0)}}, "partial artifact: gone"},
		"a tag of something else":          {Outcome{Step: good, State: Failed, Ledger: once, Artifact: &Artifact{Differs: errors.New("other"), ExitCode: new(0)}}, "other"},
		"half of it, as asked for":         {Outcome{Step: always, State: Failed, Artifact: &Artifact{Differs: errors.New("half"), Incomplete: true}}, ""},
		"what a killed command left":       {Outcome{Step: always, State: Failed, Artifact: &Artifact{Differs: errors.New("half"), ExitCode: new(137)}}, ""},
		"half of it, unasked":              {Outcome{Step: good, State: Failed, Artifact: &Artifact{Incomplete: true}}, "nobody asked for"},
		"of a failure, unasked":            {Outcome{Step: bad, State: Failed, Ledger: once, Artifact: &Artifact{ExitCode: new(3)}}, "ended with 3, which nobody asked for"},
		"made by nobody":                   {Outcome{Step: good, State: Failed, Artifact: whole}, "no command has finished"},
		"silent about its command":         {Outcome{Step: good, State: Failed, Ledger: once, Artifact: &Artifact{}}, "does not say how"},
		"run again":                        {Outcome{Step: good, State: Failed, Ledger: twice}, "has run again 1 times in pod p"},
		"run again, and that is all right": {Outcome{Step: good, State: Failed, Ledger: twice, Excuses: map[string]int{"p": 1}}, ""},
		"run again since it failed":        {Outcome{Step: bad, State: Failed, Ledger: twice}, ""},
		"run again in another pod":         {Outcome{Step: good, State: Failed, Ledger: map[string][]string{"p": {lineStart, lineEnd}, "q": {lineStart}}}, ""},
		"a code of wrong inputs":           {Outcome{Step: good, State: Failed, Ends: []End{{Code: 1, Reason: "Error"}}}, "has ended with 1"},
		"a refusal that nothing explains":  {Outcome{Step: good, State: Failed, Ends: []End{{Code: 202, Reason: "Error"}}}, "has ended with 202"},
		"an end that was lost":             {Outcome{Step: good, State: Failed, Ends: []End{{Code: 255, Reason: "Error"}, {Code: 128, Reason: "StartError"}}}, ""},
	} {
		t.Run(name, func(t *testing.T) {
			got := Violations(tc.seen)
			if tc.want == "" {
				assert.Assert(t, is.Len(got, 0))
				return
			}
			assert.Assert(t, is.Len(got, 1))
			assert.Assert(t, is.Contains(got[0], tc.want))
		})
	}
}
