package plan

import (
	"maps"
	"strings"

	"github.com/converged-computing/oras-operator/pkg/apis/v1alpha1"
)

// Metadata is the part of an object that keys are read from.
type Metadata struct {
	Labels      map[string]string
	Annotations map[string]string
}

// Marked tells whether users have set any key on the object.
func (m Metadata) Marked() bool {
	for key := range m.Labels {
		if userKey(key) {
			return true
		}
	}
	for key := range m.Annotations {
		if userKey(key) {
			return true
		}
	}
	return false
}

// Keys lists the names of the keys that users have set, without the prefix, sorted.
func (m Metadata) Keys() []string { return userKeys(m) }

// Inherit returns m with the keys of outer that m lacks, whether as label or as annotation. A pod template inherits its
// Job's keys. Nothing else of outer is taken, and neither argument is changed.
func (m Metadata) Inherit(outer Metadata) Metadata {
	return Metadata{
		Labels:      m.add(m.Labels, outer.Labels),
		Annotations: m.add(m.Annotations, outer.Annotations),
	}
}

func (m Metadata) add(own, outer map[string]string) map[string]string {
	all := maps.Clone(own)
	for key, value := range outer {
		if !userKey(key) || m.has(key) {
			continue
		}
		if all == nil {
			all = map[string]string{}
		}
		all[key] = value
	}
	return all
}

// Changed lists the keys, with their numbers, that have another value in m than in before, or are in one of the two only.
// The list is sorted.
func (m Metadata) Changed(before Metadata) []string {
	var changed []string
	for _, name := range userKeys(m.Inherit(before)) {
		key := v1alpha1.KeyPrefix + name
		if m.value(key) != before.value(key) || m.has(key) != before.has(key) {
			changed = append(changed, name)
		}
	}
	return changed
}

// value is that of a key that is a label or an annotation.
func (m Metadata) value(key string) string {
	if label, ok := m.Labels[key]; ok {
		return label
	}
	return m.Annotations[key]
}

func (m Metadata) has(key string) bool {
	_, label := m.Labels[key]
	_, annotation := m.Annotations[key]
	return label || annotation
}

// userKey tells whether key is under the prefix and not one that only the operator writes.
func userKey(key string) bool {
	return strings.HasPrefix(key, v1alpha1.KeyPrefix) && key != v1alpha1.StatusAnnotation && key != v1alpha1.InjectedLabel
}
