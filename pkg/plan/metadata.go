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

func (m Metadata) has(key string) bool {
	_, label := m.Labels[key]
	_, annotation := m.Annotations[key]
	return label || annotation
}

// userKey tells whether key is under the prefix and not one that only the operator writes.
func userKey(key string) bool {
	return strings.HasPrefix(key, v1alpha1.KeyPrefix) && key != v1alpha1.StatusAnnotation && key != v1alpha1.InjectedLabel
}
