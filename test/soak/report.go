package soak

import (
	"fmt"
	"io"
	"maps"
	"slices"
	"strings"
)

// Report is what came of a soak.
type Report struct {
	Seed      uint64
	Workflows int
	Steps     map[State]int
	Runs      int           // of commands, as their ledgers have them
	Codes     map[int32]int // how often a container ended with a code, as far as pods still tell
	Kills     map[Participant]int
	Abandoned int      // pods of a lost node that the kubelet would never have ended
	Broken    []string // promises, a sentence each
}

func (r *Report) add(o Outcome) {
	if r.Steps == nil {
		r.Steps, r.Codes = map[State]int{}, map[int32]int{}
	}
	r.Steps[o.State]++
	for _, lines := range o.Ledger {
		for _, line := range lines {
			if line == lineStart {
				r.Runs++
			}
		}
	}
	for _, end := range o.Ends {
		r.Codes[end.Code]++
	}
}

// StepsRun counts the steps that were created.
func (r *Report) StepsRun() int { return total(r.Steps) - r.Steps[NotRun] }

// KillsDone counts the kills that hit somebody.
func (r *Report) KillsDone() int { return total(r.Kills) }

func total[K comparable](counts map[K]int) (sum int) {
	for _, n := range counts {
		sum += n
	}
	return sum
}

// Print writes the report for people.
func (r *Report) Print(out io.Writer) error {
	var text strings.Builder
	fmt.Fprintf(&text, "seed %d: %d workflows, %d steps (%d complete, %d failed, %d hung; %d more not run), %d runs of commands\n",
		r.Seed, r.Workflows, r.StepsRun(), r.Steps[Complete], r.Steps[Failed], r.Steps[Hung], r.Steps[NotRun], r.Runs)
	fmt.Fprintf(&text, "%d kills:", r.KillsDone())
	for _, who := range Participants() {
		fmt.Fprintf(&text, " %s %d", who, r.Kills[who])
	}
	text.WriteString("\nexit codes:")
	for _, code := range slices.Sorted(maps.Keys(r.Codes)) {
		fmt.Fprintf(&text, " %d: %d", code, r.Codes[code])
	}
	fmt.Fprintf(&text, "\n%d pods abandoned by the kubelet\n%d broken promises\n", r.Abandoned, len(r.Broken))
	for _, sentence := range r.Broken {
		text.WriteString("- " + sentence + "\n")
	}
	_, err := io.WriteString(out, text.String())
	return err
}
