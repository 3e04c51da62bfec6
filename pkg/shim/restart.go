package shim

import (
	"fmt"
	"slices"
)

// RestartPolicy says after which ends of its command a container is started again. The values are those of Kubernetes.
type RestartPolicy string

// The policies.
const (
	RestartAlways    RestartPolicy = "Always"
	RestartOnFailure RestartPolicy = "OnFailure"
	RestartNever     RestartPolicy = "Never"
)

// MarshalText writes the policy as a flag has it.
func (p RestartPolicy) MarshalText() ([]byte, error) { return []byte(p), nil }

// UnmarshalText refuses anything but a policy.
func (p *RestartPolicy) UnmarshalText(text []byte) error {
	*p = RestartPolicy(text)
	if !slices.Contains([]RestartPolicy{RestartAlways, RestartOnFailure, RestartNever}, *p) {
		return fmt.Errorf("%q is none of %s, %s and %s", text, RestartAlways, RestartOnFailure, RestartNever)
	}
	return nil
}
