package collect

import (
	"cmp"
	"slices"
	"time"
)

// decisions are what a look leads to.
type decisions struct {
	// quarantine are all that are dead: those that were quarantined before with the time since when, others with the zero time.
	quarantine listed
	// condemned are those of them whose time has come. Whatever keeps one of them, and is there, is one of them too.
	condemned listed
}

// decide says what is dead in s, and which of it was quarantined long enough.
//
// The condemned are closed: none is kept by something that is not condemned, not even by something dead. So whoever would make use of one
// of them without knowing it, by an index that lists a manifest that lists a blob, must make use of one that it knows.
func decide(s *snapshot, cfg Config, quarantined listed) decisions {
	d := decisions{quarantine: listed{}, condemned: listed{}}
	for n := range dead(s, cfg) {
		since, before := quarantined[n]
		if !before || revived(s.things[n], since) {
			since = time.Time{}
		}
		d.quarantine[n] = since
	}
	ripe := func(n node) bool {
		since, ok := d.quarantine[n]
		return ok && !since.IsZero() && s.now.Sub(since) >= cfg.grace()
	}
	for n := range s.but(func(n node, _ *thing) bool { return !ripe(n) }) {
		d.condemned[n] = d.quarantine[n]
	}
	return d
}

// doomed says which of the condemned are to be removed: those that are dead in the look s too, were not revived, and that nothing keeps which stays.
func doomed(s *snapshot, cfg Config, condemned listed) map[node]bool {
	gone := dead(s, cfg)
	return s.but(func(n node, t *thing) bool {
		since, ok := condemned[n]
		return !ok || !gone[n] || revived(t, since)
	})
}

// revived tells whether t was written again after it was quarantined. What is quarantined was older than the grace period then, so
// that equal times, which a coarse clock gives, are of something that came later.
func revived(t *thing, since time.Time) bool {
	return t != nil && !t.young.Before(since)
}

// dead returns what is there, older than the grace period, and not kept: neither by retention nor by anything that is.
func dead(s *snapshot, cfg Config) map[node]bool {
	expired := expiredTags(s, cfg)
	return s.but(func(n node, t *thing) bool {
		age := s.now.Sub(t.young)
		switch {
		case age < cfg.grace():
			return true
		case t.broken:
			return false
		case n.kind == tagKind:
			return !expired[n]
		case n.kind == manifestKind:
			untagged := time.Duration(cfg.rule(n.repo).Untagged)
			return untagged == 0 || age < untagged
		default:
			return false
		}
	})
}

// expiredTags returns the tags that retention lets go. One that names nothing takes no other's place among the youngest.
func expiredTags(s *snapshot, cfg Config) map[node]bool {
	byRepository := map[string][]node{}
	for n, t := range s.things {
		if n.kind == tagKind && !t.broken {
			byRepository[n.repo] = append(byRepository[n.repo], n)
		}
	}
	expired := map[node]bool{}
	for repository, tags := range byRepository {
		rule := cfg.rule(repository)
		if rule.TTL == 0 && rule.KeepLast == 0 {
			continue
		}
		slices.SortFunc(tags, func(a, b node) int { // the youngest first
			return cmp.Or(s.things[b].young.Compare(s.things[a].young), compare(a, b))
		})
		for _, n := range tags[min(rule.KeepLast, len(tags)):] {
			if s.now.Sub(s.things[n].young) >= rule.TTL {
				expired[n] = true
			}
		}
	}
	return expired
}
