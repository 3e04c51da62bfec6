package apiserver

import "time"

// User is the user that a ServiceAccount is.
func User(namespace, name string) string { return "system:serviceaccount:" + namespace + ":" + name }

// Claims are what an API server puts into a token of a ServiceAccount, which a pod has for an hour.
func Claims(namespace, name, audience string, now time.Time) map[string]any {
	return map[string]any{
		"iss": issuer,
		"sub": User(namespace, name),
		"aud": []string{audience},
		"iat": now.Unix(),
		"nbf": now.Unix(),
		"exp": now.Add(time.Hour).Unix(),
		"jti": "4b0b6ab9-0e5d-4b7a-93b8-fb1d3e3b0f57",
		"kubernetes.io": map[string]any{
			"namespace":      namespace,
			"serviceaccount": map[string]any{"name": name, "uid": "sa-uid"},
			"pod":            map[string]any{"name": name + "-x7", "uid": "pod-uid"},
			"node":           map[string]any{"name": "node-1", "uid": "node-uid"},
		},
	}
}

// Token is one of the cluster's.
func (s *Server) Token(claims map[string]any) (string, error) { return s.key.Sign(claims) }
