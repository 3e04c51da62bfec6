package shim

import (
	"errors"
	"strings"
	"testing"

	"golang.org/x/sys/unix"
	"gotest.tools/v3/assert"
	"gotest.tools/v3/fs"
)

func TestE15CommandIsLookedUpAsAShellDoes(t *testing.T) {
	dir := fs.NewDir(t, "path",
		fs.WithDir("plain", fs.WithFile("tool", "", fs.WithMode(0o644)), fs.WithFile("text", "", fs.WithMode(0o644))),
		fs.WithDir("holds-dir", fs.WithDir("tool")),
		fs.WithDir("first", fs.WithFile("tool", "", fs.WithMode(0o755))),
		fs.WithDir("second", fs.WithFile("tool", "", fs.WithMode(0o755)), fs.WithFile("other", "", fs.WithMode(0o755))),
		fs.WithFile("no-dir", ""),
	)
	t.Chdir(dir.Join("second"))
	tests := map[string]struct {
		name, path string
		want       string
		code       int
	}{
		"the first that is there":               {"tool", "DIR/nothing:DIR/first:DIR/second", "DIR/first/tool", 0},
		"one that is not executable is passed":  {"tool", "DIR/plain:DIR/second", "DIR/second/tool", 0},
		"a directory of that name is passed":    {"tool", "DIR/holds-dir:DIR/second", "DIR/second/tool", 0},
		"a file in PATH is no directory":        {"tool", "DIR/no-dir:DIR/second", "DIR/second/tool", 0},
		"an empty entry is where we are":        {"other", "DIR/first:", "./other", 0},
		"a relative entry is taken":             {"tool", "../first", "./../first/tool", 0},
		"an empty PATH is where we are":         {"other", "", "./other", 0},
		"with a slash PATH is not asked":        {"./other", "DIR/first", "./other", 0},
		"E13 nowhere":                           {"nosuch", "DIR/first:DIR/second", "", 127},
		"E13 an empty name":                     {"", "DIR/first", "", 127},
		"E14 only one that is not executable":   {"text", "DIR/plain:DIR/first", "", 126},
		"E14 only a directory":                  {"holds-dir", "DIR", "", 126},
		"E13 found nowhere beyond a wrong PATH": {"nosuch", "DIR/no-dir", "", 127},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			got, end := lookUp(test.name, strings.ReplaceAll(test.path, "DIR", dir.Path()))
			if test.code != 0 {
				assert.Assert(t, end != nil)
				assert.Equal(t, end.code, test.code)
				assert.ErrorContains(t, end, test.name)
				return
			}
			assert.Assert(t, end == nil, "%v", end)
			assert.Equal(t, got, strings.ReplaceAll(test.want, "DIR", dir.Path()))
		})
	}
}

func TestWhyACommandCannotBeStartedDecidesItsCode(t *testing.T) {
	dir := fs.NewDir(t, "commands", fs.WithFile("there", ""), fs.WithDir("dir"))
	tests := map[string]struct {
		file string
		err  error
		code int
		want string
	}{
		"E13 not there":                 {"absent", unix.ENOENT, 127, "was not found"},
		"E13 beneath a file":            {"there/absent", unix.ENOTDIR, 127, "was not found"},
		"E18 its interpreter not there": {"there", unix.ENOENT, 127, "interpreter or loader"},
		"E14 a directory":               {"dir", unix.EACCES, 126, "is a directory"},
		"E14 not executable":            {"there", unix.EACCES, 126, "permission denied"},
		"E14 of no known format":        {"there", unix.ENOEXEC, 126, "#! line"},
		"too many arguments":            {"there", unix.E2BIG, 126, "argument list too long"},
		"no process to be had":          {"there", unix.EAGAIN, 126, "temporarily unavailable"},
		"an error that nobody foresaw":  {"there", errors.New("strange"), 126, "strange"},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			end := unstartable("cmd", dir.Join(test.file), test.err)
			assert.Equal(t, end.code, test.code)
			assert.ErrorContains(t, end, test.want)
		})
	}
}
