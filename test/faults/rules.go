package faults

import (
	"regexp"
	"slices"
	"sync"
)

// armed is a rule in force.
type armed struct {
	Rule
	path    *regexp.Regexp
	removed chan struct{} // closed when the rule is taken away: what it holds goes on
	matched int           // requests that came to the rule and matched it
	fired   int           // of those it took, the ones that its action has happened to
}

// matches tells whether the rule is about such requests.
func (a *armed) matches(method, path string) bool {
	return (a.Method == "" || a.Method == method) && a.path.MatchString(path)
}

// Standing is a rule in force with what has come of it.
type Standing struct {
	Rule
	Matched int `json:"matched"` // requests that came to the rule and matched it
	Fired   int `json:"fired"`   // times its action has happened
}

// rules are those in force, in order.
type rules struct {
	mu    sync.Mutex
	armed []*armed
}

// set replaces all rules.
func (s *rules) set(list []Rule) error {
	next := make([]*armed, len(list))
	for i, r := range list {
		var err error
		if next[i], err = r.compile(); err != nil {
			return err
		}
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, a := range s.armed {
		close(a.removed)
	}
	s.armed = next
	return nil
}

// remove takes away the rules of that name, and returns how many there were.
func (s *rules) remove(name string) int {
	s.mu.Lock()
	defer s.mu.Unlock()
	before := len(s.armed)
	s.armed = slices.DeleteFunc(s.armed, func(a *armed) bool {
		if a.Name == name {
			close(a.removed)
		}
		return a.Name == name
	})
	return before - len(s.armed)
}

// take returns the rule for a request; nil if there is none.
func (s *rules) take(method, path string) *armed {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, a := range s.armed {
		if !a.matches(method, path) {
			continue
		}
		if a.matched++; a.picks(a.matched) {
			return a
		}
	}
	return nil
}

// fire counts that a rule's action happens.
func (s *rules) fire(a *armed) {
	s.mu.Lock()
	defer s.mu.Unlock()
	a.fired++
}

// standing lists the rules in force.
func (s *rules) standing() []Standing {
	s.mu.Lock()
	defer s.mu.Unlock()
	list := make([]Standing, len(s.armed))
	for i, a := range s.armed {
		list[i] = Standing{Rule: a.Rule, Matched: a.matched, Fired: a.fired}
	}
	return list
}
