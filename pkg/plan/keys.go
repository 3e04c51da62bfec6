package plan

import (
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"
	"sync"

	"github.com/converged-computing/oras-operator/pkg/apis/v1alpha1"
)

// unnumbered is the number of a key without _N; it comes before 0.
const unnumbered = -1

// settings are the values of the keys, by key and number, all of them known.
type settings map[string]map[int]string

// gather reads the keys of one object. Compatibility keys are warnings.
func gather(m Metadata) (settings, []string, problems) {
	known := knownKeys()
	var (
		found    = settings{}
		warnings []string
		ps       problems
	)
	for _, name := range userKeys(m) {
		value, ok := oneValue(m, name, &ps)
		if !ok {
			continue
		}
		base, n, ok := splitKey(name, known)
		switch key := known[base]; {
		case !ok:
			ps.add(name, "", "there is no such key; did you mean %s?", closest(name, known))
		case key.Ignored:
			warnings = append(warnings, fmt.Sprintf("%s: %q is ignored: the key is accepted for compatibility only and can be removed", name, value))
		case value == "":
			ps.add(name, "", "the value is empty; write one, such as %q, or remove the key", key.Example)
		case strings.Contains(value, "{") && !key.Placeholders:
			ps.add(name, value, "holds a placeholder ({…}), which this key does not take; write the value out")
		default:
			found.set(base, n, name, value, &ps)
		}
	}
	return found, warnings, ps
}

// knownKeys are all keys by name, gathered once, since each admission looks at them several times.
var knownKeys = sync.OnceValue(func() map[string]v1alpha1.Key {
	known := map[string]v1alpha1.Key{}
	for _, key := range v1alpha1.Keys() {
		known[key.Name] = key
	}
	return known
})

func (s settings) set(base string, n int, name, value string, ps *problems) {
	if s[base] == nil {
		s[base] = map[int]string{}
	}
	if _, twice := s[base][n]; twice {
		ps.add(name, value, "is given twice: the number %d of %s is written in two ways; keep one of the two", n, base)
		return
	}
	s[base][n] = value
}

// numbers lists the numbers that base is given with, in order.
func (s settings) numbers(base string) []int { return slices.Sorted(maps.Keys(s[base])) }

// one is the value of a key that takes no number.
func (s settings) one(base string) (string, bool) {
	value, ok := s[base][unnumbered]
	return value, ok
}

// userKeys lists the names, without prefix, of the keys that m has as label or annotation, sorted.
func userKeys(m Metadata) []string {
	names := map[string]bool{}
	for _, object := range []map[string]string{m.Labels, m.Annotations} {
		for key := range object {
			if userKey(key) {
				names[strings.TrimPrefix(key, v1alpha1.KeyPrefix)] = true
			}
		}
	}
	return slices.Sorted(maps.Keys(names))
}

// oneValue is the value of a key that may be a label, an annotation, or both with the same value.
func oneValue(m Metadata, name string, ps *problems) (string, bool) {
	label, isLabel := m.Labels[v1alpha1.KeyPrefix+name]
	annotation, isAnnotation := m.Annotations[v1alpha1.KeyPrefix+name]
	if isLabel && isAnnotation && label != annotation {
		ps.add(name, "", "the label says %q and the annotation %q; keep one of the two", label, annotation)
		return "", false
	}
	if isLabel {
		return label, true
	}
	return annotation, true
}

// splitKey takes a name such as input-uri_12 apart; false where there is no such key.
func splitKey(name string, known map[string]v1alpha1.Key) (base string, n int, ok bool) {
	if _, ok := known[name]; ok {
		return name, unnumbered, true
	}
	base, digits, found := strings.Cut(name, "_")
	if !found || !known[base].Numbered || strings.Trim(digits, "0123456789") != "" {
		return "", 0, false
	}
	n, err := strconv.Atoi(digits)
	return base, n, err == nil
}

// keyName is the name under which base is given with number n.
func keyName(base string, n int) string {
	if n == unnumbered {
		return base
	}
	return base + "_" + strconv.Itoa(n)
}

// closest is the known key that takes the fewest edits to reach from name, with name's number where it may have one.
func closest(name string, known map[string]v1alpha1.Key) string {
	base, digits, numbered := strings.Cut(name, "_")
	numbered = numbered && digits != "" && strings.Trim(digits, "0123456789") == ""
	if !numbered {
		base = name
	}
	names := slices.Sorted(maps.Keys(known))
	best := slices.MinFunc(names, func(a, b string) int { return edits(base, a) - edits(base, b) })
	if _, err := strconv.Atoi(digits); numbered && err == nil && known[best].Numbered {
		return best + "_" + digits
	}
	return best
}

// edits is the Levenshtein distance of a and b, in bytes.
func edits(a, b string) int {
	row := make([]int, len(b)+1)
	for j := range row {
		row[j] = j
	}
	for i := range len(a) {
		diagonal := row[0]
		row[0] = i + 1
		for j := range len(b) {
			cost := diagonal
			if a[i] != b[j] {
				cost++
			}
			diagonal = row[j+1]
			row[j+1] = min(cost, row[j]+1, row[j+1]+1)
		}
	}
	return row[len(b)]
}
