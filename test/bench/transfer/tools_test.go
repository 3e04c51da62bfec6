package main

import (
	"regexp"
	"strings"
	"testing"

	"gotest.tools/v3/assert"
)

func TestWhatToolsAreTold(t *testing.T) {
	ours, remote, stock := ours("/sidecar", false), ours("/sidecar", true), stock("/oras")
	for name, test := range map[string]struct {
		got       command
		dir, want string
	}{
		"push a tree":               {ours.push("h/r:t", "/s/tree", ""), "", "/sidecar push h/r:t /s/tree --quiet"},
		"push a file":               {ours.push("h/r:t", "/s/tree", "f"), "", "/sidecar push h/r:t /s/tree/f --quiet"},
		"pull":                      {ours.pull("h/r:t", "/s/to"), "", "/sidecar pull h/r:t --into /s/to --quiet"},
		"patch":                     {ours.patch("h/r:t", "/s/tree", "f"), "", "/sidecar patch h/r:t --add /s/tree/f=f --quiet"},
		"where HTTP is not a guess": {remote.pull("h/r:t", "/s/to"), "", "/sidecar pull h/r:t --into /s/to --plain-http --quiet"},
		"stock: push a tree":        {stock.push("h/r:t", "/s/tree", ""), "/s/", "/oras push --plain-http h/r:t tree"},
		"stock: push a file":        {stock.push("h/r:t", "/s/tree", "f"), "/s/tree", "/oras push --plain-http h/r:t f"},
		"stock: pull":               {stock.pull("h/r:t", "/s/to"), "", "/oras pull --plain-http --output /s/to h/r:t"},
	} {
		t.Run(name, func(t *testing.T) {
			assert.Equal(t, strings.Join(test.got.args, " "), test.want)
			assert.Equal(t, test.got.dir, test.dir)
		})
	}
}

func TestWorkloadsCanBeToldApart(t *testing.T) {
	key := regexp.MustCompile(`^[a-z0-9-]+$`)
	for name, workloads := range map[string][]workload{
		"loopback": append(overLoopback(), forMemory()...), "link": overLink(),
	} {
		keys, names := map[string]bool{}, map[string]bool{}
		for _, w := range workloads {
			assert.Assert(t, key.MatchString(w.key) && !keys[w.key] && !names[w.name], "%s: %s", name, w.key)
			keys[w.key], names[w.name] = true, true
			assert.Assert(t, w.tree != nil && len(w.steps) > 0 && len(w.lines) > 0, w.key)
		}
	}
}

func TestALineIsAboutStepsThatAreMeasured(t *testing.T) {
	for _, w := range append(append(overLoopback(), forMemory()...), overLink()...) {
		steps, stock := map[string]bool{"": true}, map[string]bool{"": true}
		for _, s := range w.steps {
			steps[s.name], stock[s.name] = !s.confirm, !s.confirm && !s.ours
		}
		for _, l := range w.lines {
			assert.Assert(t, steps[l.ours] && stock[l.stock], "%s: %+v", w.key, l)
		}
	}
}
