package webhook

import (
	"encoding/json"
	"fmt"
	"testing"

	"gotest.tools/v3/assert"
)

// unknown is a field that no version of Kubernetes has yet.
const unknown = "fieldOfTheFuture"

// sprinkle puts an unknown field, with a value of its own, into every object below spec.
func sprinkle(t *testing.T, raw []byte) []byte {
	t.Helper()
	var object map[string]any
	assert.NilError(t, json.Unmarshal(raw, &object))
	count := 0
	walk(object["spec"], func(fields map[string]any) {
		count++
		fields[unknown] = fmt.Sprintf("%d of %v", count, fields["name"])
	})
	out, err := json.Marshal(object)
	assert.NilError(t, err)
	return out
}

// assertSprinkled checks that every unknown field is still there, and in an object of the same name.
func assertSprinkled(t *testing.T, before, after []byte) {
	t.Helper()
	assert.DeepEqual(t, sprinkles(t, after), sprinkles(t, before))
}

// sprinkles maps each unknown field's value to the name of the object that it is in.
func sprinkles(t *testing.T, raw []byte) map[string]string {
	t.Helper()
	var object map[string]any
	assert.NilError(t, json.Unmarshal(raw, &object))
	found := map[string]string{}
	walk(object["spec"], func(fields map[string]any) {
		if value, ok := fields[unknown].(string); ok {
			found[value] = fmt.Sprint(fields["name"])
		}
	})
	assert.Assert(t, len(found) > 0)
	return found
}

// walk visits objects that Kubernetes has types for, not maps of the user's such as limits.
func walk(node any, visit func(map[string]any)) {
	switch node := node.(type) {
	case map[string]any:
		for key, child := range node {
			if key != "limits" && key != "requests" && key != "nodeSelector" {
				walk(child, visit)
			}
		}
		visit(node)
	case []any:
		for _, child := range node {
			walk(child, visit)
		}
	}
}
