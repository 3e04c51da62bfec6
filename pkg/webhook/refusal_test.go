package webhook

import (
	"errors"
	"fmt"
	"strings"
	"testing"

	"gotest.tools/v3/assert"
)

func TestADenialListsAsManyReasonsAsAPersonReads(t *testing.T) {
	var reasons []error
	for i := range maxReasons + 3 {
		reasons = append(reasons, fmt.Errorf("reason %d", i))
	}
	text := refused(errors.Join(reasons...)).Error()
	assert.Equal(t, strings.Count(text, "\n- reason "), maxReasons)
	assert.Assert(t, strings.HasSuffix(text, "\n- and 3 more"), text)
	assert.Assert(t, !strings.Contains(refused(errors.Join(reasons[:maxReasons]...)).Error(), "more"))
}
