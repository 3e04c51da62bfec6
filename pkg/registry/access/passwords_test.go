package access

import (
	"testing"

	"golang.org/x/crypto/bcrypt"
	"gotest.tools/v3/assert"
)

// hashOf is the bcrypt hash of a password, at the lowest cost.
func hashOf(t testing.TB, password string) string {
	t.Helper()
	hash, err := bcrypt.GenerateFromPassword([]byte(password), bcrypt.MinCost)
	assert.NilError(t, err)
	return string(hash)
}

func TestAUserThatIsNotThereTakesAsLongAsTheSlowest(t *testing.T) {
	slow, err := bcrypt.GenerateFromPassword([]byte("secret"), bcrypt.MinCost+1)
	assert.NilError(t, err)
	found, err := parsePasswords([]byte("alice:" + hashOf(t, "secret") + "\nbob:" + string(slow) + "\ncarol:" + hashOf(t, "secret")))
	assert.NilError(t, err)
	hash, there := found.hash("mallory")
	assert.Assert(t, !there)
	assert.Equal(t, hash, string(slow))
}
