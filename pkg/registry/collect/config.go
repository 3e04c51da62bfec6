package collect

import (
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/bmatcuk/doublestar/v4"
	"github.com/robfig/cron/v3"
)

// DefaultGracePeriod is how long what is dead is left alone, twice, where nothing else is said.
const DefaultGracePeriod = time.Hour

// Config says what is collected, and when.
type Config struct {
	// Schedule is when rounds begin, in the form of cron ("0 3 * * *", "@hourly", "@every 1h"). Empty: never.
	Schedule string `json:"schedule,omitempty"`
	// GracePeriod is how old something dead must be to be quarantined, and how long it is quarantined then. A client that was told that a
	// blob is there has as long to push the manifest that lists it. Default: [DefaultGracePeriod].
	GracePeriod time.Duration `json:"gracePeriod,omitempty"`
	// Lease is the NAMESPACE/NAME of the Lease whose holder collects, where there are replicas. Empty: this process does.
	Lease string `json:"lease,omitempty"`
	// Retention holds the rules; the first that matches a repository holds for it. What no rule matches stays.
	Retention []Rule `json:"retention,omitempty"`
}

// Rule says what of some repositories goes with time. A field that is zero does not let anything go.
type Rule struct {
	// Repositories is a glob of the names it holds for: a * does not match a slash, a ** does.
	Repositories string `json:"repositories"`
	// TTL is the age at which a tag goes: the time since it was last pushed or moved.
	TTL time.Duration `json:"ttl,omitempty"`
	// KeepLast is how many of the youngest tags stay, however old. With no TTL all others go.
	KeepLast int `json:"keepLast,omitempty"`
	// Untagged is the age at which a manifest goes that no tag keeps, directly or not: the time since it was last pushed.
	Untagged time.Duration `json:"untagged,omitempty"`
}

// Validate returns all that is wrong with c.
func (c Config) Validate() error {
	var errs []error
	if c.Schedule != "" {
		if _, err := cron.ParseStandard(c.Schedule); err != nil {
			errs = append(errs, fmt.Errorf("schedule: %w", err))
		}
	}
	if c.GracePeriod < 0 {
		errs = append(errs, fmt.Errorf("gracePeriod: %s is negative; write a duration such as 1h", c.GracePeriod))
	}
	if c.Lease != "" && !isNamespaced(c.Lease) {
		errs = append(errs, fmt.Errorf("lease: %q is not NAMESPACE/NAME", c.Lease))
	}
	for i, rule := range c.Retention {
		if err := rule.validate(); err != nil {
			errs = append(errs, fmt.Errorf("retention[%d]: %w", i, err))
		}
	}
	return errors.Join(errs...)
}

// isNamespaced tells whether s is of the form NAMESPACE/NAME.
func isNamespaced(s string) bool {
	namespace, name, _ := strings.Cut(s, "/")
	return namespace != "" && name != "" && !strings.Contains(name, "/")
}

func (r Rule) validate() error {
	switch {
	case r.Repositories == "":
		return errors.New("repositories: no glob is given; ** matches all")
	case !doublestar.ValidatePattern(r.Repositories):
		return fmt.Errorf("repositories: %q is not a glob", r.Repositories)
	case r.TTL < 0 || r.Untagged < 0 || r.KeepLast < 0:
		return errors.New("ttl, keepLast and untagged must not be negative")
	case r.TTL == 0 && r.Untagged == 0 && r.KeepLast == 0:
		return errors.New("none of ttl, keepLast and untagged is given")
	}
	return nil
}

func (c Config) grace() time.Duration {
	if c.GracePeriod == 0 {
		return DefaultGracePeriod
	}
	return c.GracePeriod
}

// rule is the one that holds for a repository. A rule without fields stands for none.
func (c Config) rule(repository string) Rule {
	for _, rule := range c.Retention {
		if doublestar.MatchUnvalidated(rule.Repositories, repository) {
			return rule
		}
	}
	return Rule{}
}
