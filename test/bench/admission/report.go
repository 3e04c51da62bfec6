package main

import (
	"errors"
	"fmt"
	"io"
	"iter"
	"maps"
	"math"
	"slices"
	"strings"
	"time"
)

var errMissed = errors.New("a goal is missed")

// Goals, for a burst of any size.
const (
	medianGoal = 3   // milliseconds that a webhook takes
	tailGoal   = 15  // milliseconds that it takes for all but one in 100 requests
	memoryGoal = 200 // MiB that a manager's process has resident
)

// askedPerPod is how many requests to webhooks a pod with keys causes: one to be changed, one to be checked.
const askedPerPod = 2

// line is one of the table of goals: what was measured, and what it may be at most.
type line struct {
	what     string
	goal, is float64
	unit     string
}

// lines hold what was measured against the goals.
func lines(pods int, marked, unmarked *burst, memory map[string]int64) []line {
	all := []line{
		{what: "pods with keys that are denied", is: float64(len(marked.denied))},
		{what: "pods with keys that are no steps", is: float64(pods - len(marked.denied) - marked.injected)},
		{what: "pods without that are denied or changed", is: float64(len(unmarked.denied) + unmarked.injected)},
		{what: "requests that pods with keys must cause, and are not seen", is: max(0, float64(askedPerPod*len(marked.created)-int(requests(marked.latencies))))},
		{what: "requests whose duration is not known", is: math.Abs(float64(requests(marked.latencies) - requests(marked.durations)))},
	}
	for webhook, l := range asked(marked.durations) {
		what := fmt.Sprintf("%d requests to %s: ", l.requests(), webhook)
		all = append(all, line{what + "median", medianGoal, l.milliseconds(0.5), " ms"}, line{what + "99 in 100", tailGoal, l.milliseconds(0.99), " ms"})
	}
	all = append(all, line{what: "requests to webhooks for pods without keys", is: float64(requests(unmarked.latencies))})
	for _, manager := range slices.Sorted(maps.Keys(memory)) {
		all = append(all, line{"peak memory of " + manager, memoryGoal, float64(memory[manager]) / (1 << 20), " MiB"})
	}
	return all
}

// asked are the webhooks that had requests, in order.
func asked(webhooks map[string]latency) iter.Seq2[string, latency] {
	return func(yield func(string, latency) bool) {
		for _, webhook := range slices.Sorted(maps.Keys(webhooks)) {
			if l := webhooks[webhook]; l.requests() > 0 && !yield(webhook, l) {
				return
			}
		}
	}
}

// requests is how many the webhooks got.
func requests(webhooks map[string]latency) (sum int64) {
	for _, l := range webhooks {
		sum += l.requests()
	}
	return sum
}

// report prints what was measured. A goal that is missed is an error.
func report(out io.Writer, pods int, marked, unmarked *burst, memory map[string]int64) error {
	var text strings.Builder
	text.WriteString("| Pods | created | denied | all of them | one, median | one, 99 in 100 |\n| --- | --- | --- | --- | --- | --- |\n")
	text.WriteString(marked.row("with keys") + unmarked.row("without"))
	text.WriteString("\n| What | At most | Measured | |\n| --- | --- | --- | --- |\n")
	var missed error
	for _, l := range lines(pods, marked, unmarked, memory) {
		verdict := "met"
		if l.is > l.goal {
			verdict, missed = "missed", errMissed
		}
		fmt.Fprintf(&text, "| %s | %g%s | %.4g%s | %s |\n", l.what, l.goal, l.unit, l.is, l.unit, verdict)
	}
	text.WriteString("\n| Arrival included | median | 99 in 100 |\n| --- | --- | --- |\n")
	for webhook, l := range asked(marked.latencies) {
		fmt.Fprintf(&text, "| requests to %s | %.4g ms | %.4g ms |\n", webhook, l.milliseconds(0.5), l.milliseconds(0.99))
	}
	fmt.Fprintf(&text, "\nThe managers took %.1f s of processor time for %d requests.\n", marked.processor, requests(marked.latencies))
	_, err := io.WriteString(out, text.String())
	return errors.Join(err, missed)
}

// row is that of the table of pods.
func (b *burst) row(kind string) string {
	slices.Sort(b.created)
	return fmt.Sprintf("| %s | %d | %d | %.1f s | %s | %s |\n", kind, len(b.created), len(b.denied), b.took.Seconds(),
		share(b.created, 50), share(b.created, 99))
}

// share is the time that so many in a hundred do not exceed.
func share(sorted []time.Duration, percent int) string {
	if len(sorted) == 0 {
		return ""
	}
	took := sorted[(len(sorted)*percent+99)/100-1]
	return fmt.Sprintf("%.1f ms", took.Seconds()*1000)
}
