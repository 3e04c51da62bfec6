package main

import (
	"errors"
	"strings"
	"testing"
	"time"

	"gotest.tools/v3/assert"
	is "gotest.tools/v3/assert/cmp"
)

const path = "/mutate-pod/is-deployment-oras-operator-ready" // by which controller-runtime knows the webhook

// good is a burst of two pods in which every goal is met, and the pods without keys beside it.
func good() (marked, unmarked *burst, memory map[string]int64) {
	created := []time.Duration{8 * time.Millisecond, 4 * time.Millisecond}
	marked = &burst{
		created: created, injected: 2,
		durations: map[string]latency{webhook: {{0.003, 1}, {0.015, 1}}, "validate-pod": {{0.001, 2}}},
		latencies: map[string]latency{path: {{0.004, 1}, {0.040, 1}}, "/validate-pod": {{0.002, 2}}},
	}
	return marked, &burst{created: created, latencies: map[string]latency{path: nil}}, map[string]int64{"manager": 200 << 20}
}

func TestGoalsThatAreReachedAreMet(t *testing.T) {
	var out strings.Builder
	marked, unmarked, memory := good()
	assert.NilError(t, report(&out, 2, marked, unmarked, memory))
	assert.Assert(t, is.Contains(out.String(), "| with keys | 2 | 0 | 0.0 s | 4.0 ms | 8.0 ms |"))
	assert.Assert(t, is.Contains(out.String(), "| 2 requests to mutate-pod: 99 in 100 | 15 ms | 15 ms | met |"))
	assert.Assert(t, is.Contains(out.String(), "| requests to "+path+" | 4 ms | 40 ms |"))
	assert.Assert(t, is.Contains(out.String(), "| peak memory of manager | 200 MiB | 200 MiB | met |"))
}

func TestEveryGoalCanBeMissed(t *testing.T) {
	for want, harm := range map[string]func(marked, unmarked *burst, memory map[string]int64){
		"| pods with keys that are denied | 0 | 1 | missed |": func(marked, _ *burst, _ map[string]int64) {
			marked.denied, marked.injected = []error{errors.New("no")}, 1
		},
		"| pods with keys that are no steps | 0 | 1 | missed |": func(marked, _ *burst, _ map[string]int64) { marked.injected = 1 },
		"| pods without that are denied or changed | 0 | 1 | missed |": func(_, unmarked *burst, _ map[string]int64) {
			unmarked.injected = 1
		},
		"| requests that pods with keys must cause, and are not seen | 0 | 4 | missed |": func(marked, _ *burst, _ map[string]int64) {
			clear(marked.latencies)
			clear(marked.durations)
		},
		"| requests whose duration is not known | 0 | 4 | missed |": func(marked, _ *burst, _ map[string]int64) {
			clear(marked.durations)
		},
		"| requests whose duration is not known | 0 | 1 | missed |": func(marked, _ *burst, _ map[string]int64) {
			marked.durations["validate-pod"] = latency{{0.001, 3}}
		},
		"median | 3 ms | 4 ms | missed |": func(marked, _ *burst, _ map[string]int64) {
			marked.durations[webhook] = latency{{0.004, 1}, {0.005, 1}}
		},
		"99 in 100 | 15 ms | 16 ms | missed |": func(marked, _ *burst, _ map[string]int64) {
			marked.durations[webhook], marked.latencies[path] = latency{{0.001, 98}, {0.016, 2}}, latency{{0.05, 100}}
		},
		"| requests to webhooks for pods without keys | 0 | 1 | missed |": func(_, unmarked *burst, _ map[string]int64) {
			unmarked.latencies[path] = latency{{0.001, 1}}
		},
		"| peak memory of manager | 200 MiB | 201 MiB | missed |": func(_, _ *burst, memory map[string]int64) {
			memory["manager"] = 201 << 20
		},
	} {
		var out strings.Builder
		marked, unmarked, memory := good()
		harm(marked, unmarked, memory)
		assert.ErrorIs(t, report(&out, 2, marked, unmarked, memory), errMissed)
		assert.Assert(t, is.Contains(out.String(), want))
		assert.Equal(t, strings.Count(out.String(), "missed"), 1, out.String())
	}
}
