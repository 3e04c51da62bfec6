package main

import (
	"fmt"
	"os"
	"path/filepath"

	admissionv1 "k8s.io/api/admissionregistration/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/yaml"
)

// scope is what a webhook is asked about.
type scope struct {
	Rules             []admissionv1.RuleWithOperations `json:"rules"`
	NamespaceSelector *metav1.LabelSelector            `json:"namespaceSelector"`
	MatchConditions   []admissionv1.MatchCondition     `json:"matchConditions"`
}

// readScopes reads what the webhooks are asked about, by their names. Both kinds of configuration have the same fields.
func readScopes(dir string) (map[string]scope, error) {
	scopes := map[string]scope{}
	for _, file := range []string{"mutating.yaml", "validating.yaml"} {
		data, err := os.ReadFile(filepath.Join(dir, file))
		if err != nil {
			return nil, fmt.Errorf("reading what the webhooks match: %w", err)
		}
		var configuration struct {
			Webhooks []struct {
				Name  string `json:"name"`
				scope `json:",inline"`
			} `json:"webhooks"`
		}
		if err := yaml.Unmarshal(data, &configuration); err != nil {
			return nil, fmt.Errorf("reading what the webhooks of %s match: %w", file, err)
		}
		for _, webhook := range configuration.Webhooks {
			scopes[webhook.Name] = webhook.scope
		}
	}
	return scopes, nil
}
