package htpasswd

import (
	"slices"
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
		"an endless file":         {strings.Repeat("\n", MaxSize+1), "it is larger than 1 MiB"},
		"an endless line":         {strings.Repeat("hunter2", 10000), "splitting it into lines"},
	}
	for name, tc := range tests {
		t.Run(name, func(t *testing.T) {
			found, err := Parse([]byte(tc.text))
			if tc.want == "" {
				assert.NilError(t, err)
				assert.Assert(t, slices.ContainsFunc(found, func(u User) bool { return u.Name == "alice" && u.Cost == bcrypt.MinCost }))
				return
			}
			assert.ErrorContains(t, err, tc.want)
			assert.Assert(t, !strings.Contains(err.Error(), "hunter2") && !strings.Contains(err.Error(), "$2"), err)
		})
	}
}

// FuzzParse checks that whatever Parse takes is as it promises.
func FuzzParse(f *testing.F) {
	good := "alice:" + hashOf(f, "secret")
	for _, seed := range []string{"", "#", good, good + "\n" + good, "a:b", ":", "a:$2a$04$", "\x00:\xff"} {
		f.Add([]byte(seed))
	}
	f.Fuzz(func(t *testing.T, text []byte) {
		found, err := Parse(text)
		if err != nil {
			return
		}
		for _, user := range found {
			assert.Assert(t, user.Name != "" && bcryptHash.MatchString(user.Hash) && user.Cost >= bcrypt.MinCost && user.Cost <= maxCost)
		}
	})
}
