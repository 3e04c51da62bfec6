package clients

import (
	"strings"
	"testing"

	"gotest.tools/v3/assert"
	"gotest.tools/v3/assert/cmp"
	"gotest.tools/v3/icmd"
)

// each runs a test with every client at every kind of registry, logged in.
func each(t *testing.T, kinds map[string]func(*testing.T) access, test func(t *testing.T, u user, as access)) {
	for program := range clients() {
		for name, kind := range kinds {
			t.Run(program+", "+name, func(t *testing.T) {
				t.Parallel()
				as := kind(t)
				test(t, loggedIn(t, program, as, serve(t, as)), as)
			})
		}
	}
}

// loggedIn is a client that has logged in as a user who may do everything.
func loggedIn(t *testing.T, program string, as access, s server) user {
	t.Helper()
	u := newUser(t, program, as, s)
	if as.user != "" {
		u.logIn(as.user, as.password).Assert(t, icmd.Success)
	}
	return u
}

func TestWhatAClientPushesItPulls(t *testing.T) {
	each(t, accesses(), func(t *testing.T, u user, _ access) {
		u.pushes("deep/er/step:v1", "one")
		u.pushes("deep/er/step:v2", "two")
		assert.Equal(t, u.pulls("deep/er/step:v1"), "one")
		assert.DeepEqual(t, u.lists("deep/er/step"), []string{"v1", "v2"})
		assert.Equal(t, u.do(u.catalog(u.shell, u.s.Addr)...), "deep/er/step")
	})
}

func TestACopyToAnotherRepositoryMountsItsBlobs(t *testing.T) {
	each(t, accesses(), func(t *testing.T, u user, _ access) {
		u.pushes("step:v1", "one")
		u.copies("step:v1", "other/step:v1")
		assert.Equal(t, u.pulls("other/step:v1"), "one")
		assert.Equal(t, u.resolves("other/step:v1"), u.resolves("step:v1"))
		began := u.s.began(t, "other/step")
		assert.Assert(t, began[201] > 0, "nothing was mounted: %v", began)
		assert.Equal(t, began[202], 0, "something was uploaded")
	})
}

func TestWhatAClientDeletesIsGone(t *testing.T) {
	each(t, accesses(), func(t *testing.T, u user, _ access) {
		u.pushes("step:v1", "one")
		u.pushes("step:v2", "two")
		u.do(u.remove(u.shell, u.at("step@"+u.resolves("step:v1")))...)
		result := u.try("", u.pull(u.shell, u.at("step:v1"))...)
		assert.Assert(t, result.ExitCode != 0, result.Combined())
		assert.DeepEqual(t, u.lists("step"), []string{"v2"})
		assert.Equal(t, u.pulls("step:v2"), "two")
	})
}

func TestWhatIsAttachedWithOneClientIsFoundWithTheOther(t *testing.T) {
	for name, kind := range accesses() {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			as := kind(t)
			s := serve(t, as)
			one, other := loggedIn(t, "oras", as, s), loggedIn(t, "regctl", as, s)
			one.pushes("step:v1", "one")
			ref := one.at("step:v1")

			one.do(oras{}.to(one.shell, "attach", "--artifact-type=application/vnd.note", ref, one.write("note.txt", "by oras"))...)
			assert.Equal(t, other.do("artifact", "get", "--subject", ref, "--filter-artifact-type=application/vnd.note"), "by oras")

			other.try("by regctl", "artifact", "put", "--artifact-type=application/vnd.remark", "--subject", ref).Assert(t, icmd.Success)
			found := one.do(oras{}.to(one.shell, "discover", "--format=json", ref)...)
			assert.Assert(t, cmp.Contains(found, "application/vnd.note"))
			assert.Assert(t, cmp.Contains(found, "application/vnd.remark"))
			// Where a registry lacks the referrers API, clients keep them under a tag instead.
			assert.DeepEqual(t, one.lists("step"), []string{"v1"})
		})
	}
}

func TestAClientThatIsLetInIsWarnedOfNothing(t *testing.T) {
	each(t, closed(), func(t *testing.T, u user, _ access) {
		u.pushes("step:v1", "one")
		for verb, args := range map[string][]string{
			"digest": u.digest(u.shell, u.at("step:v1")),
			"copy":   u.copy(u.shell, u.at("step:v1"), u.at("other:v1")),
		} {
			result := u.try("", args...)
			result.Assert(t, icmd.Success)
			assert.Assert(t, !strings.Contains(result.Combined(), "credentials"), "%s: %s", verb, result.Combined())
		}
	})
}
