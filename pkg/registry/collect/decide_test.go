package collect

import (
	"fmt"
	"math/rand/v2"
	"testing"
	"time"

	"gotest.tools/v3/assert"
)

// graph makes a snapshot of things by name, at a time of which ages are told. A name is t:REPOSITORY:TAG, m:REPOSITORY:NAME or b:NAME.
type graph map[string]*thing

var epoch = time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)

func (g graph) snapshot() *snapshot {
	s := &snapshot{now: epoch, things: map[node]*thing{}}
	for name, t := range g {
		s.things[named(name)] = t
	}
	return s
}

func named(name string) node {
	var n node
	switch name[0] {
	case 't':
		n.kind = tagKind
	case 'm':
		n.kind = manifestKind
	default:
		n.kind = blobKind
	}
	rest := name[2:]
	for i := range rest {
		if rest[i] == ':' {
			n.repo, rest = rest[:i], rest[i+1:]
			break
		}
	}
	n.name = rest
	return n
}

// old is a thing of that age that keeps others.
func old(age time.Duration, keeps ...string) *thing {
	t := &thing{young: epoch.Add(-age)}
	for _, name := range keeps {
		t.keeps = append(t.keeps, named(name))
	}
	return t
}

func set(names ...string) map[node]bool {
	nodes := map[node]bool{}
	for _, name := range names {
		nodes[named(name)] = true
	}
	return nodes
}

func keys(nodes listed) map[node]bool {
	set := map[node]bool{}
	for n := range nodes {
		set[n] = true
	}
	return set
}

const day = 24 * time.Hour

func TestWhatIsDead(t *testing.T) {
	tests := map[string]struct {
		things graph
		rules  []Rule
		want   []string
	}{
		"a blob that nobody lists": {graph{"b:x": old(day)}, nil, []string{"b:x"}},
		"not a young one":          {graph{"b:x": old(time.Minute)}, nil, nil},
		"not what a manifest without a rule keeps": {
			graph{"m:r:1": old(day, "b:x"), "b:x": old(day)}, nil, nil,
		},
		"not what a young manifest keeps": {
			graph{"m:r:1": old(time.Minute, "b:x"), "b:x": old(day)}, []Rule{{Repositories: "**", Untagged: 1}}, nil,
		},
		"an old tag and all it kept": {
			graph{"t:r:v": old(day, "m:r:1"), "m:r:1": old(day, "b:x", "b:y"), "m:q:1": old(day, "b:y"), "b:x": old(day), "b:y": old(day)},
			[]Rule{{Repositories: "r", TTL: time.Hour, Untagged: time.Hour}},
			[]string{"t:r:v", "m:r:1", "b:x"},
		},
		"a tag alone, where the untagged stay": {
			graph{"t:r:v": old(day, "m:r:1"), "m:r:1": old(day, "b:x"), "b:x": old(day)},
			[]Rule{{Repositories: "r", TTL: time.Hour}},
			[]string{"t:r:v"},
		},
		"all old tags but the youngest": {
			graph{"t:r:1": old(3 * day), "t:r:2": old(2 * day), "t:r:3": old(4 * day)},
			[]Rule{{Repositories: "r", TTL: day, KeepLast: 1}},
			[]string{"t:r:1", "t:r:3"},
		},
		"all but the youngest, however young, but for the grace period": {
			graph{"t:r:1": old(2 * time.Hour), "t:r:2": old(3 * time.Hour), "t:r:3": old(time.Minute), "t:r:4": old(2 * time.Minute)},
			[]Rule{{Repositories: "r", KeepLast: 1}},
			[]string{"t:r:1", "t:r:2"},
		},
		"what the first rule says that matches": {
			graph{"t:a/b:1": old(day), "t:a:1": old(day)},
			[]Rule{{Repositories: "a/*", KeepLast: 5}, {Repositories: "**", TTL: 1}},
			[]string{"t:a:1"},
		},
		"not an untagged manifest that a younger index lists": {
			graph{"m:r:i": old(2*time.Hour, "m:r:1"), "m:r:1": old(2*day, "b:x"), "b:x": old(2 * day)},
			[]Rule{{Repositories: "**", Untagged: day}}, nil,
		},
		"a link to nothing": {graph{"m:r:1": {young: epoch.Add(-day), broken: true}}, nil, []string{"m:r:1"}},
		"things in a circle": {
			graph{"m:r:1": old(day, "m:r:2"), "m:r:2": old(day, "m:r:1")},
			[]Rule{{Repositories: "**", Untagged: 1}}, []string{"m:r:1", "m:r:2"},
		},
	}
	for name, tc := range tests {
		t.Run(name, func(t *testing.T) {
			assert.DeepEqual(t, keyed(dead(tc.things.snapshot(), Config{Retention: tc.rules})), keyed(set(tc.want...)))
		})
	}
}

// keyed is a set in a form that can be compared and read.
func keyed(nodes map[node]bool) map[string]bool {
	out := map[string]bool{}
	for n := range nodes {
		out[fmt.Sprint(n)] = true
	}
	return out
}

func TestWhoIsCondemned(t *testing.T) {
	ripe, unripe := epoch.Add(-2*time.Hour), epoch.Add(-time.Minute)
	chain := func() graph { return graph{"m:r:1": old(day, "b:x"), "b:x": old(day)} }
	tests := map[string]struct {
		things      graph
		quarantined map[string]time.Time
		want        []string
	}{
		"nobody who was not quarantined":      {chain(), nil, nil},
		"who was quarantined long enough":     {chain(), map[string]time.Time{"m:r:1": ripe, "b:x": ripe}, []string{"m:r:1", "b:x"}},
		"nobody whom one keeps who is spared": {chain(), map[string]time.Time{"m:r:1": unripe, "b:x": ripe}, nil},
		"nobody who was sent again": {
			graph{"b:x": old(90 * time.Minute)}, map[string]time.Time{"b:x": epoch.Add(-90 * time.Minute)}, nil,
		},
	}
	cfg := Config{Retention: []Rule{{Repositories: "**", Untagged: 1}}}
	for name, tc := range tests {
		t.Run(name, func(t *testing.T) {
			quarantined := listed{}
			for n, since := range tc.quarantined {
				quarantined[named(n)] = since
			}
			assert.DeepEqual(t, keyed(keys(decide(tc.things.snapshot(), cfg, quarantined).condemned)), keyed(set(tc.want...)))
		})
	}
}

// chance makes a snapshot of tags, manifests and blobs of two repositories, in which any keeps any, and what was quarantined of it.
func chance(r *rand.Rand) (graph, listed) {
	g := graph{}
	var names []string
	for _, repo := range []string{"r", "q"} {
		for i := range 1 + r.IntN(8) {
			names = append(names, fmt.Sprintf("m:%s:%d", repo, i))
		}
		for i := range r.IntN(4) {
			names = append(names, fmt.Sprintf("t:%s:%d", repo, i))
		}
	}
	for i := range 1 + r.IntN(12) {
		names = append(names, fmt.Sprintf("b:%d", i))
	}
	quarantined := listed{}
	for _, name := range names {
		t := old(time.Duration(r.IntN(300)) * time.Minute)
		t.broken = r.IntN(20) == 0
		for range r.IntN(4) {
			to := names[r.IntN(len(names))]
			if name[0] != 'b' && to[0] != 't' {
				t.keeps = append(t.keeps, named(to))
			}
		}
		g[name] = t
		if r.IntN(2) == 0 {
			quarantined[named(name)] = epoch.Add(-time.Duration(r.IntN(300)) * time.Minute)
		}
	}
	return g, quarantined
}

// keepers finds by trying every path what keeps n: another way to the same than the one that is tested.
func keepers(s *snapshot, n node) map[node]bool {
	found := map[node]bool{n: true}
	for grew := true; grew; {
		grew = false
		for from, t := range s.things {
			for _, to := range t.keeps {
				if found[to] && !found[from] {
					found[from], grew = true, true
				}
			}
		}
	}
	return found
}

func TestDecisionsAboutAnyGraph(t *testing.T) {
	cfg := Config{Retention: []Rule{
		{Repositories: "r", TTL: 3 * time.Hour, KeepLast: 1, Untagged: 2 * time.Hour},
	}}
	for seed := range uint64(400) {
		r := rand.New(rand.NewPCG(seed, 6))
		g, quarantined := chance(r)
		s := g.snapshot()
		d := decide(s, cfg, quarantined)
		expired := expiredTags(s, cfg)
		stays := func(n node) bool { // of itself, not for what keeps it
			thing, age := s.things[n], s.now.Sub(s.things[n].young)
			return age < time.Hour || !thing.broken && (n.kind == tagKind && !expired[n] ||
				n.kind == manifestKind && (n.repo != "r" || age < 2*time.Hour))
		}
		gone := doomed(s, cfg, d.condemned)
		for n, thing := range s.things {
			isDead, isCondemned := true, true
			for by := range keepers(s, n) {
				isDead = isDead && !stays(by)
				since, was := quarantined[by]
				isCondemned = isCondemned && was && s.now.Sub(since) >= time.Hour && thing != nil && s.things[by].young.Before(since)
			}
			isCondemned = isCondemned && isDead
			_, quarantine := d.quarantine[n]
			_, condemned := d.condemned[n]
			assert.Equal(t, quarantine, isDead, "seed %d: %v", seed, n)
			assert.Equal(t, condemned, isCondemned, "seed %d: %v", seed, n)
			assert.Equal(t, gone[n], isCondemned, "seed %d: %v: nothing has changed", seed, n)
		}
		changed(t, seed, r, s, cfg, d.condemned)
	}
}

// changed checks that whatever is used again before the last look is not removed, nor anything it keeps.
func changed(t *testing.T, seed uint64, r *rand.Rand, s *snapshot, cfg Config, condemned listed) {
	t.Helper()
	nodes := sorted(s.things)
	again := nodes[r.IntN(len(nodes))]
	s.things[manifestNode("q", "new")] = &thing{young: s.now, keeps: []node{again}}
	kept := s.reach([]node{again})
	for n := range doomed(s, cfg, condemned) {
		_, was := condemned[n]
		assert.Assert(t, was, "seed %d: %v was not condemned", seed, n)
		assert.Assert(t, !kept[n], "seed %d: %v is used by %v", seed, n, again)
	}
}
