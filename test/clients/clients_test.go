package clients

import (
	"strings"
	"testing"

	"gotest.tools/v3/assert"
	"gotest.tools/v3/assert/cmp"
	"gotest.tools/v3/icmd"
)

// accesses are the ways in which a registry can be open.
func accesses() map[string]access {
	return map[string]access{"anonymous": {}}
}

// each runs test for every client at every kind of registry.
func each(t *testing.T, test func(t *testing.T, c client, sh shell, s server)) {
	for program, c := range clients() {
		for name, as := range accesses() {
			t.Run(program+", "+name, func(t *testing.T) {
				t.Parallel()
				s, sh := serve(t, as), newShell(t, program)
				c.prepare(sh, s.addr, as.user, as.password)
				test(t, c, sh, s)
			})
		}
	}
}

func TestWhatAClientPushesItPulls(t *testing.T) {
	each(t, func(t *testing.T, c client, sh shell, s server) {
		c.push(sh, s.addr+"/deep/er/step:v1", "one")
		c.push(sh, s.addr+"/deep/er/step:v2", "two")
		assert.Equal(t, c.pull(sh, s.addr+"/deep/er/step:v1"), "one")
		assert.Check(t, cmp.DeepEqual(strings.Fields(c.tags(sh, s.addr+"/deep/er/step")), []string{"v1", "v2"}))
	})
}

func TestACopyToAnotherRepositoryMountsItsBlobs(t *testing.T) {
	each(t, func(t *testing.T, c client, sh shell, s server) {
		c.push(sh, s.addr+"/step:v1", "one")
		c.copy(sh, s.addr+"/step:v1", s.addr+"/other/step:v1")
		assert.Equal(t, c.pull(sh, s.addr+"/other/step:v1"), "one")
		assert.Equal(t, c.digest(sh, s.addr+"/other/step:v1"), c.digest(sh, s.addr+"/step:v1"))
		began := s.began(t, "other/step")
		assert.Assert(t, began[201] > 0, "nothing was mounted: %v", began)
		assert.Equal(t, began[202], 0, "something was uploaded")
	})
}

func TestWhatAClientDeletesIsGone(t *testing.T) {
	each(t, func(t *testing.T, c client, sh shell, s server) {
		c.push(sh, s.addr+"/step:v1", "one")
		c.push(sh, s.addr+"/step:v2", "two")
		sh.do(c.removeArgs(s.addr + "/step@" + c.digest(sh, s.addr+"/step:v1"))...)
		result := sh.try("", c.pullArgs(s.addr+"/step:v1")...)
		assert.Assert(t, result.ExitCode != 0, result.Combined())
		assert.Equal(t, c.tags(sh, s.addr+"/step"), "v2")
		assert.Equal(t, c.pull(sh, s.addr+"/step:v2"), "two")
	})
}

func TestWhatIsAttachedWithOneClientIsFoundWithTheOther(t *testing.T) {
	for name, as := range accesses() {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s, one, other := serve(t, as), newShell(t, "oras"), newShell(t, "regctl")
			oras{}.prepare(one, s.addr, as.user, as.password)
			regctl{}.prepare(other, s.addr, as.user, as.password)
			ref := s.addr + "/step:v1"
			oras{}.push(one, ref, "one")

			one.do("attach", "--plain-http", "--artifact-type=application/vnd.note", ref, one.write("note.txt", "by oras"))
			assert.Equal(t, other.do("artifact", "get", "--subject", ref, "--filter-artifact-type=application/vnd.note"), "by oras")

			other.try("by regctl", "artifact", "put", "--artifact-type=application/vnd.remark", "--subject", ref).Assert(t, icmd.Success)
			found := one.do("discover", "--plain-http", "--format=json", ref)
			assert.Assert(t, cmp.Contains(found, "application/vnd.note"))
			assert.Assert(t, cmp.Contains(found, "application/vnd.remark"))
			// Without referrers, clients keep them under a tag.
			assert.Equal(t, oras{}.tags(one, s.addr+"/step"), "v1")
		})
	}
}
