package plan

import (
	"net"
	"net/netip"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"

	"k8s.io/apimachinery/pkg/api/resource"
	"k8s.io/apimachinery/pkg/util/validation"
)

// bool reads a key whose absence is false.
func (r *reader) bool(key string) bool {
	v := r.optionalBool(key)
	return v != nil && *v
}

func (r *reader) optionalBool(key string) *bool {
	value, ok := r.one(key)
	if !ok {
		return nil
	}
	return r.parseBool(key, value)
}

// parseBool reads true or false; nil where it is neither.
func (r *reader) parseBool(key, value string) *bool {
	v, err := strconv.ParseBool(value)
	if err != nil {
		r.add(key, value, "is neither true nor false; write one of the two")
		return nil
	}
	return &v
}

// isTrue is parseBool with false for a mistake.
func (r *reader) isTrue(key, value string) bool {
	v := r.parseBool(key, value)
	return v != nil && *v
}

// isFalse tells whether a key says false; one that is absent, or a mistake, does not.
func (r *reader) isFalse(key string) bool {
	v := r.optionalBool(key)
	return v != nil && !*v
}

// amount reads quantity[:limit], neither below least. The example is a value to write instead of a mistake.
func (r *reader) amount(key string, least resource.Quantity, example string) Amount {
	value, ok := r.one(key)
	if !ok {
		return Amount{}
	}
	first, second, limited := strings.Cut(value, ":")
	request, err := resource.ParseQuantity(first)
	limit, limitErr := request, error(nil)
	if limited {
		limit, limitErr = resource.ParseQuantity(second)
	}
	switch {
	case err != nil || limitErr != nil:
		r.add(key, value, "is not a quantity of Kubernetes, nor two with a colon between them; write %s", example)
		return Amount{}
	case request.Cmp(least) < 0:
		r.add(key, value, "is less than %s, which is too little to work with; write %s", least.String(), example)
		return Amount{}
	case limit.Cmp(request) < 0:
		r.add(key, value, "has a limit below the request; write %s", example)
		return Amount{}
	case limited:
		return Amount{Request: &request, Limit: &limit}
	}
	return Amount{Request: &request}
}

// secret reads the name of a Secret, a DNS-1123 subdomain.
func (r *reader) secret(key string) string {
	value, ok := r.one(key)
	if ok && len(validation.IsDNS1123Subdomain(value)) > 0 {
		r.add(key, value, "is not the name of a Secret; names have at most 253 lower case letters, digits, dashes and dots, and begin and end with a letter or digit")
	}
	return value
}

// count reads a number above zero; 0 for a mistake.
func (r *reader) count(key, value string) int {
	n, err := strconv.Atoi(value)
	if err != nil || n < 1 {
		r.add(key, value, "is no number of artifacts; write a whole number above zero, such as 50")
		return 0
	}
	return n
}

// choice reads one of the words that a key has; empty where the key is absent.
func (r *reader) choice(name string) string {
	value, ok := r.one(name)
	if words := knownKeys()[name].Words; ok && !slices.Contains(words, value) {
		r.add(name, value, "is not one of %s; write one of them", strings.Join(words, ", "))
	}
	return value
}

// timeout reads a duration above zero, DefaultTimeout where there is none.
func (r *reader) timeout(key string) time.Duration {
	value, ok := r.one(key)
	if !ok {
		return DefaultTimeout
	}
	d := r.duration(key, value)
	if d == 0 {
		r.add(key, value, "is no time at all; write a duration above zero, such as 30m")
	}
	return d
}

// wait reads a duration of zero or more.
func (r *reader) wait(key string) time.Duration {
	value, ok := r.one(key)
	if !ok {
		return 0
	}
	return r.duration(key, value)
}

// duration reads a duration of zero or more; a mistake is noted and gives the default timeout.
func (r *reader) duration(key, value string) time.Duration {
	d, err := time.ParseDuration(value)
	switch {
	case err != nil:
		r.add(key, value, "is not a duration; write a number with a unit (s, m or h), such as 10m or 1h30m")
		return DefaultTimeout
	case d < 0:
		r.add(key, value, "is negative; write a duration of zero or more")
		return DefaultTimeout
	}
	return d
}

// name reads the name of an object of Kubernetes: a DNS-1123 label, of which the name of an OrasCache is a special case.
func (r *reader) name(key string) string {
	value, ok := r.one(key)
	if ok && !isLabel(value) {
		r.add(key, value, "is not a name; names have at most 63 lower case letters, digits and dashes, and neither begin nor end with a dash")
	}
	return value
}

// maxNames is how many containers a step may have: more than anybody writes, and not so many that a pod which has none of them
// keeps others waiting.
const maxNames = 100

// names reads a list of names with commas between them; spaces around a name are not part of it.
func (r *reader) names(key string) []string {
	value, ok := r.one(key)
	if !ok {
		return nil
	}
	if n := strings.Count(value, ",") + 1; n > maxNames {
		r.add(key, value[:32]+"…", "names %d containers; a step has at most %d", n, maxNames)
		return nil
	}
	var names []string
	for name := range strings.SplitSeq(value, ",") {
		name = strings.TrimSpace(name)
		switch {
		case !isLabel(name):
			r.add(key, value, "is not a list of container names; write name or name,name")
			return nil
		case slices.Contains(names, name):
			r.add(key, value, "names container %q twice; name each once", name)
			return nil
		}
		names = append(names, name)
	}
	return names
}

// host reads host[:port], the host being a DNS name or an IP address, one of version 6 in brackets.
func (r *reader) host(key string) string {
	value, ok := r.one(key)
	if ok && !isHost(value) {
		r.add(key, value, "is not host or host:port; write the registry's name alone, such as ghcr.io or registry.example.org:5000, with no scheme and no path")
	}
	return value
}

func isHost(value string) bool {
	host, port, err := net.SplitHostPort(value)
	if err != nil {
		return isName(value) || isBracketed(value)
	}
	n, err := strconv.ParseUint(port, 10, 16)
	return err == nil && n > 0 && (isName(host) || isBracketed("["+host+"]"))
}

func isName(host string) bool { return len(host) <= 253 && hostGrammar.MatchString(host) }

// isBracketed tells whether host is an IP address of version 6 in brackets.
func isBracketed(host string) bool {
	addr, err := netip.ParseAddr(strings.TrimSuffix(strings.TrimPrefix(host, "["), "]"))
	return err == nil && addr.Is6() && strings.HasPrefix(host, "[") && strings.HasSuffix(host, "]")
}

func isLabel(value string) bool { return len(validation.IsDNS1123Label(value)) == 0 }

// hostGrammar is that of a DNS name.
var hostGrammar = regexp.MustCompile(`^[A-Za-z0-9]([-A-Za-z0-9]*[A-Za-z0-9])?(\.[A-Za-z0-9]([-A-Za-z0-9]*[A-Za-z0-9])?)*$`)
