package access

import (
	"strings"
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

func TestOnlyLinesOfBcryptAreTaken(t *testing.T) {
	good := hashOf(t, "secret")
	tests := map[string]struct {
		text string
		want string // "": alice is in it
	}{
		"one user":                {"alice:" + good, ""},
		"more around":             {"# users\r\n\n  \nbob:" + good + "\r\nalice:" + good + "\n", ""},
		"the version of htpasswd": {"alice:$2y" + good[3:], ""},
		"no colon":                {"alice:" + good + "\nhunter2", "line 2: it is not USER:HASH"},
		"no user":                 {":" + good, "line 1: it is not USER:HASH"},
		"no hash":                 {"#\nalice:", "line 2: the password is not hashed with bcrypt"},
		"the password itself":     {"alice:hunter2", "line 1: the password is not hashed with bcrypt"},
		"MD5":                     {"alice:$apr1$x$hunter2hunter2hunter2hu", "line 1: the password is not hashed with bcrypt"},
		"SHA":                     {"alice:{SHA}hunter2", "line 1: the password is not hashed with bcrypt"},
		"half a hash":             {"alice:" + good[:40], "line 1: the password is not hashed with bcrypt"},
		"something behind":        {"alice:" + good + ":hunter2", "line 1: the password is not hashed with bcrypt"},
		"an endless cost":         {"alice:$2a$31" + good[6:], "line 1: the cost of the bcrypt hash is not between 4 and 15"},
		"no cost":                 {"alice:$2a$00" + good[6:], "line 1: the cost of the bcrypt hash is not between 4 and 15"},
		"a user twice":            {"alice:" + good + "\nalice:" + good, "line 2: the user is on a line before"},
		"an endless line":         {strings.Repeat("hunter2", 10000), "splitting it into lines"},
	}
	for name, tc := range tests {
		t.Run(name, func(t *testing.T) {
			found, err := parsePasswords([]byte(tc.text))
			if tc.want == "" {
				assert.NilError(t, err)
				_, there := found.hash("alice")
				assert.Assert(t, there)
				return
			}
			assert.ErrorContains(t, err, tc.want)
			assert.Assert(t, !strings.Contains(err.Error(), "hunter2") && !strings.Contains(err.Error(), "$2"), err)
		})
	}
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
