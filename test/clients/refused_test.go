package clients

import (
	"testing"

	"gotest.tools/v3/assert"
	"gotest.tools/v3/assert/cmp"
	"gotest.tools/v3/icmd"
)

// verbs are the commands of a client, at a registry that has step:v1 of that digest.
func (u user) verbs(digest string) map[string][]string {
	return map[string][]string{
		"push":    u.push(u.shell, u.at("step:v2"), "two"),
		"pull":    u.pull(u.shell, u.at("step:v1")),
		"list":    u.tags(u.shell, u.at("step")),
		"catalog": u.catalog(u.shell, u.s.Addr),
		"digest":  u.digest(u.shell, u.at("step:v1")),
		"copy":    u.copy(u.shell, u.at("step:v1"), u.at("other:v1")),
		"delete":  u.remove(u.shell, u.at("step@"+digest)),
	}
}

// isTold has the client try what it may not do, and checks that it says why.
func (u user) isTold(verb string, args []string, why ...string) {
	u.t.Helper()
	result := u.try("", args...)
	assert.Check(u.t, result.ExitCode != 0, "%s: %s", verb, result.Combined())
	for _, said := range why {
		assert.Check(u.t, cmp.Contains(result.Combined(), said), verb)
	}
}

func TestWhoIsNotKnownIsToldWhyAndDoesNothing(t *testing.T) {
	each(t, closed(), func(t *testing.T, u user, as access) {
		u.pushes("step:v1", "one")
		digest := u.resolves("step:v1")

		nobody := newUser(t, u.program, as, u.s)
		for verb, args := range nobody.verbs(digest) {
			nobody.isTold(verb, args, u.says(verb, false, "no credentials are given"), u.says(verb, false, as.needed))
		}
		stranger := newUser(t, u.program, as, u.s)
		stranger.remember(u.s.Addr, as.user, as.wrong)
		for verb, args := range stranger.verbs(digest) {
			stranger.isTold(verb, args, u.says(verb, true, as.why), u.says(verb, true, as.needed))
		}

		assert.Equal(t, u.do(u.catalog(u.shell, u.s.Addr)...), "step")
		assert.DeepEqual(t, u.lists("step"), []string{"v1"})
		assert.Equal(t, u.pulls("step:v1"), "one")
	})
}

// The login of crane is left out: it keeps what it is given, without asking the registry.
func TestALoginWithAWrongPasswordIsToldWhy(t *testing.T) {
	for name, kind := range closed() {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			as := kind(t)
			s := serve(t, as)
			for _, program := range []string{"oras", "regctl"} {
				result := newUser(t, program, as, s).logIn(as.user, as.wrong)
				assert.Check(t, result.ExitCode != 0, "%s: %s", program, result.Combined())
				assert.Check(t, cmp.Contains(result.Combined(), as.why), program)
				assert.Check(t, cmp.Contains(result.Combined(), as.needed), program)
			}
		})
	}
}

func TestWhoMayOnlyPullIsToldHowToBeAllowedMore(t *testing.T) {
	c := startCluster(t)
	as := c.access(t)
	s := serve(t, as)
	token := c.token(t, "reader", audience)
	for program := range clients() {
		t.Run(program, func(t *testing.T) {
			owner, reader := loggedIn(t, program, as, s), newUser(t, program, as, s)
			reader.logIn("token", token).Assert(t, icmd.Success)
			owner.pushes("step:v1", "one")
			assert.Equal(t, reader.pulls("step:v1"), "one")
			assert.DeepEqual(t, reader.lists("step"), []string{"v1"})
			may := reader.verbs(reader.resolves("step:v1"))
			for verb, right := range map[string]string{"push": "push", "copy": "push", "delete": "delete"} {
				reader.isTold(verb, may[verb], subject("reader")+" may not "+right+" orascaches/oras in the namespace alpha",
					"kubectl create role oras-"+right)
			}
			assert.DeepEqual(t, owner.lists("step"), []string{"v1"})
		})
	}
}
