package clients

import (
	"slices"
	"strings"
	"testing"

	"gotest.tools/v3/icmd"
)

// user is a client that knows how to reach a registry.
type user struct {
	client
	shell
	s server
}

// newUser is a client that knows how to reach s, but not who it is there.
func newUser(t *testing.T, program string, as access, s server) user {
	t.Helper()
	u := user{client: clients()[program], shell: newShell(t, program, as), s: s}
	u.reach(u.shell, s.Addr)
	return u
}

// logIn has the client log in as people do it: echo "$PASSWORD" | CLIENT login …
func (u user) logIn(name, password string) *icmd.Result {
	u.t.Helper()
	return u.try(password+"\n", u.login(u.shell, u.s.Addr, name)...)
}

// at is a reference at the registry.
func (u user) at(ref string) string { return u.s.Addr + "/" + ref }

func (u user) pushes(ref, content string) {
	u.t.Helper()
	u.do(u.push(u.shell, u.at(ref), content)...)
}

func (u user) pulls(ref string) string {
	u.t.Helper()
	return u.pulled(u.shell, u.do(u.pull(u.shell, u.at(ref))...))
}

func (u user) copies(from, to string) {
	u.t.Helper()
	u.do(u.copy(u.shell, u.at(from), u.at(to))...)
}

func (u user) resolves(ref string) string {
	u.t.Helper()
	return u.do(u.digest(u.shell, u.at(ref))...)
}

func (u user) lists(repository string) []string {
	u.t.Helper()
	found := strings.Fields(u.do(u.tags(u.shell, u.at(repository))...))
	slices.Sort(found)
	return found
}
