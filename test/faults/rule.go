package faults

import (
	"bytes"
	"encoding/json"
	"fmt"
	"net/url"
	"regexp"

	"github.com/converged-computing/oras-operator/pkg/handoff"
)

// Action is what happens to a request that a rule takes.
type Action string

// The actions; README.md says what each does.
const (
	Delay    Action = "delay"
	Throttle Action = "throttle"
	Stall    Action = "stall"
	Cut      Action = "cut"
	Reset    Action = "reset"
	Corrupt  Action = "corrupt"
	Truncate Action = "truncate"
	Status   Action = "status"
	Redirect Action = "redirect"
	Drop     Action = "drop"
)

// Direction is which of the two messages of an exchange an action is about.
type Direction string

// The directions.
const (
	Request  Direction = "request"  // from the client to the registry
	Response Direction = "response" // from the registry to the client
)

// Rule says which requests fare badly, and how. A request is taken by the first rule that it matches, and by no other.
type Rule struct {
	Name   string `json:"name,omitempty"`   // as the log has it; default: the action
	Method string `json:"method,omitempty"` // empty: every method
	Path   string `json:"path,omitempty"`   // regular expression that is searched for in the path; empty: every path

	// Which of the requests that come to the rule and match, counted from 1; at most one of these, none is all.
	Nth   int `json:"nth,omitempty"`   // this one only
	First int `json:"first,omitempty"` // so many
	Every int `json:"every,omitempty"` // each that is divisible by it

	Do        Action    `json:"do"`
	Direction Direction `json:"direction,omitempty"` // default: request for status, redirect and drop, else response
	After     int64     `json:"after,omitempty"`     // bytes of the body that pass before; 0: before the header

	Wait     handoff.Duration  `json:"wait,omitempty"`     // delay: how long
	PerRead  bool              `json:"perRead,omitempty"`  // delay: before each read of the body, not once
	Rate     int64             `json:"rate,omitempty"`     // throttle: bytes per second
	Status   int               `json:"status,omitempty"`   // status: the code, 200 to 599
	Headers  map[string]string `json:"headers,omitempty"`  // status: further headers, such as Retry-After
	Code     string            `json:"code,omitempty"`     // status: of the OCI error; default: the usual one of the status
	Location string            `json:"location,omitempty"` // redirect: scheme://host[:port], before the same path
}

// ParseRules reads a JSON array of rules. Fields that are not known are errors.
func ParseRules(text []byte) ([]Rule, error) {
	var list []Rule
	decoder := json.NewDecoder(bytes.NewReader(text))
	decoder.DisallowUnknownFields()
	if err := decoder.Decode(&list); err != nil {
		return nil, fmt.Errorf("reading rules: %w", err)
	}
	return list, nil
}

// withDefaults fills in what a rule leaves out.
func (r Rule) withDefaults() Rule {
	if r.Name == "" {
		r.Name = string(r.Do)
	}
	if r.Direction == "" && r.answers() {
		r.Direction = Request
	}
	if r.Direction == "" {
		r.Direction = Response
	}
	return r
}

// answers tells whether the rule's action stands in for the registry's answer.
func (r Rule) answers() bool { return r.Do == Status || r.Do == Redirect || r.Do == Drop }

// validate says what is wrong with a rule that has its defaults.
func (r Rule) validate() error {
	selectors := 0
	for _, n := range []int{r.Nth, r.First, r.Every} {
		if n != 0 {
			selectors++
		}
	}
	switch {
	case selectors > 1:
		return fmt.Errorf("only one of nth, first and every can be given")
	case min(r.Nth, r.First, r.Every) < 0 || r.After < 0:
		return fmt.Errorf("nth, first, every and after cannot be negative")
	case r.Direction != Request && r.Direction != Response:
		return fmt.Errorf("direction %q is neither %s nor %s", r.Direction, Request, Response)
	case r.Direction == Response && (r.Do == Redirect || r.Do == Drop):
		return fmt.Errorf("%s is about requests only", r.Do)
	case r.Direction == Response && r.Do == Status && r.After > 0:
		return fmt.Errorf("status replaces a whole response, so after cannot be given")
	}
	return r.validateAction()
}

// validateAction looks at what only some actions need.
func (r Rule) validateAction() error {
	switch r.Do {
	case Stall, Cut, Reset, Corrupt, Truncate, Drop:
		return nil
	case Delay:
		if r.Wait <= 0 {
			return fmt.Errorf("delay needs a wait")
		}
	case Throttle:
		if r.Rate <= 0 {
			return fmt.Errorf("throttle needs a rate")
		}
	case Status:
		if r.Status < 200 || r.Status > 599 {
			return fmt.Errorf("status %d is not between 200 and 599", r.Status)
		}
	case Redirect:
		if to, err := url.Parse(r.Location); err != nil || to.Host == "" {
			return fmt.Errorf("redirect needs a location such as http://127.0.0.1:5000, not %q", r.Location)
		}
	default:
		return fmt.Errorf("there is no action %q", r.Do)
	}
	return nil
}

// picks tells whether the rule takes the nth request that came to it.
func (r Rule) picks(n int) bool {
	switch {
	case r.Nth > 0:
		return n == r.Nth
	case r.First > 0:
		return n <= r.First
	case r.Every > 0:
		return n%r.Every == 0
	}
	return true
}

// compile checks the rule and puts it in force.
func (r Rule) compile() (*armed, error) {
	r = r.withDefaults()
	if err := r.validate(); err != nil {
		return nil, fmt.Errorf("rule %s: %w", r.Name, err)
	}
	path, err := regexp.Compile(r.Path)
	if err != nil {
		return nil, fmt.Errorf("rule %s: path: %w", r.Name, err)
	}
	return &armed{Rule: r, path: path, removed: make(chan struct{})}, nil
}
