package shim

import (
	"io"
	"os"
	"strings"
	"testing"
	"time"

	"golang.org/x/sys/unix"
	"gotest.tools/v3/assert"
	"gotest.tools/v3/fs"

	"github.com/converged-computing/oras-operator/pkg/handoff"
	"github.com/converged-computing/oras-operator/pkg/tree"
)

func TestSidecarListsAndReadsATreeThroughTheShim(t *testing.T) {
	dir := fs.NewDir(t, "out", fs.WithFile("a", "first"), fs.WithDir("sub", fs.WithFile("b", "second")), fs.WithSymlink("link", "a"))
	peer := serving(t)

	listing := peer.ask(t, handoff.Request{Op: handoff.OpList, Path: dir.Path()})
	assert.Assert(t, listing.Error == nil)
	var names []tree.Path
	for _, e := range listing.Entries {
		names = append(names, e.Path)
	}
	assert.DeepEqual(t, names, []tree.Path{"a", "link", "sub", "sub/b"})

	reply, files := peer.askFiles(t, handoff.Request{Op: handoff.OpOpen, Path: dir.Path(), Names: []tree.Path{"a", "link", "sub/b", "absent"}})
	assert.Equal(t, len(files), 2)
	assert.Equal(t, content(t, files[0]), "first")
	assert.Equal(t, content(t, files[1]), "second")
	assert.Assert(t, reply.Errors[1] != nil, "a symlink is not opened")
	assert.ErrorIs(t, reply.Errors[3], os.ErrNotExist)
	_, err := files[0].WriteString("x")
	assert.ErrorIs(t, err, unix.EBADF, "what is lent for reading cannot be written to")
}

func TestSidecarWritesATreeThroughTheShim(t *testing.T) {
	dir := fs.NewDir(t, "in")
	peer := serving(t)
	mtime := time.Unix(1_000_000_000, 5)
	peer.do(t, handoff.Request{Op: handoff.OpBegin, Path: dir.Join("data")})
	peer.do(t, handoff.Request{Op: handoff.OpMake, Entries: []tree.Entry{{Path: "sub", Type: tree.Dir, Mode: 0o755}}})
	reply, files := peer.askFiles(t, handoff.Request{Op: handoff.OpCreate, Entries: []tree.Entry{
		{Path: "sub/a", Type: tree.File, Mode: 0o600}, {Path: "b", Type: tree.File, Mode: 0o640, ModTime: mtime},
	}})
	assert.Equal(t, len(reply.Errors), 0)
	for i, f := range files {
		_, err := f.WriteString([]string{"first", "second"}[i])
		assert.NilError(t, err)
	}
	handoff.CloseAll(files)
	peer.do(t, handoff.Request{Op: handoff.OpMake, Entries: []tree.Entry{
		{Path: "link", Type: tree.Symlink, Link: "b"}, {Path: "hard", Type: tree.Hardlink, Link: "b"},
	}})
	_, err := os.Stat(dir.Join("data", "b"))
	assert.ErrorIs(t, err, os.ErrNotExist, "nothing is visible before the commit")
	peer.do(t, handoff.Request{Op: handoff.OpCommit})

	assert.Equal(t, read(t, dir.Join("data", "sub", "a")), "first")
	assert.Equal(t, read(t, dir.Join("data", "link")), "second")
	info, err := os.Stat(dir.Join("data", "hard"))
	assert.NilError(t, err)
	assert.Equal(t, info.Mode().Perm(), os.FileMode(0o640))
	assert.Assert(t, info.ModTime().Equal(mtime))
	assert.Assert(t, peer.ask(t, handoff.Request{Op: handoff.OpCommit}).Error != nil, "there is nothing to commit any more")
}

func TestATreeThatIsNotCommittedIsGoneWithItsConnection(t *testing.T) {
	for name, end := range map[string]func(*peer){
		"connection lost": func(p *peer) { p.conn.Close() }, //nolint:errcheck // its end is the point
		"abort":           func(p *peer) { p.do(t, handoff.Request{Op: handoff.OpAbort}) },
	} {
		t.Run(name, func(t *testing.T) {
			dir := fs.NewDir(t, "in", fs.WithFile("mine", "untouched"))
			peer := serving(t)
			peer.do(t, handoff.Request{Op: handoff.OpBegin, Path: dir.Path()})
			_, files := peer.askFiles(t, handoff.Request{Op: handoff.OpCreate, Entries: []tree.Entry{{Path: "mine", Type: tree.File}}})
			handoff.CloseAll(files)
			end(peer)
			peer.conn.Close() //nolint:errcheck // its end is the point
			assert.ErrorIs(t, <-peer.served, io.EOF)
			assert.Assert(t, fs.Equal(dir.Path(), fs.Expected(t, fs.WithFile("mine", "untouched"), fs.MatchAnyFileMode)))
		})
	}
}

func TestRequestsThatMakeNoSenseAreAnsweredAndServingGoesOn(t *testing.T) {
	dir := fs.NewDir(t, "dir", fs.WithFile("a", ""))
	tests := map[string]struct {
		req  handoff.Request
		want string
	}{
		"an unknown operation":         {handoff.Request{Op: "format"}, "format"},
		"a write without a begin":      {handoff.Request{Op: handoff.OpMake, Entries: []tree.Entry{{Path: "a", Type: tree.Dir}}}, "no tree is being written"},
		"a commit without a begin":     {handoff.Request{Op: handoff.OpCommit}, "no tree is being written"},
		"a list of nothing":            {handoff.Request{Op: handoff.OpList, Path: dir.Join("absent")}, "absent"},
		"a begin where a file is":      {handoff.Request{Op: handoff.OpBegin, Path: dir.Join("a")}, "a"},
		"more names than can be lent":  {handoff.Request{Op: handoff.OpOpen, Path: dir.Path(), Names: make([]tree.Path, 17)}, "at most 16"},
		"a read of no handle":          {handoff.Request{Op: handoff.OpRead, Handle: 1, Length: 1}, "handle 1 is not open"},
		"a write with no handle":       {handoff.Request{Op: handoff.OpWrite}, "handle 0 is not open"},
		"a close of no handle":         {handoff.Request{Op: handoff.OpClose, Handles: []int{7}}, "handle 7 is not open"},
		"a read before the beginning":  {handoff.Request{Op: handoff.OpRead, Offset: -1, Length: 1}, "from offset 0 on"},
		"a read of less than nothing":  {handoff.Request{Op: handoff.OpRead, Length: -1}, "read of -1 bytes"},
		"a read of too much":           {handoff.Request{Op: handoff.OpRead, Length: 65537}, "at most 65536 at a time"},
		"a write before the beginning": {handoff.Request{Op: handoff.OpWrite, Offset: -1}, "from offset 0 on"},
		"a write of less than nothing": {handoff.Request{Op: handoff.OpWrite, Length: -1}, "write of -1 bytes"},
		"a write of too much":          {handoff.Request{Op: handoff.OpWrite, Length: 65537}, "at most 65536 at a time"},
		"an error longer than allowed": {handoff.Request{Op: handoff.OpList, Path: strings.Repeat("x", 5000)}, "xxx"},
	}
	peer := serving(t)
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			reply := peer.ask(t, test.req)
			assert.ErrorContains(t, reply.Error, test.want)
			assert.Assert(t, len(reply.Error.Message) <= handoff.MaxErrorText)
		})
	}
	peer.do(t, handoff.Request{Op: handoff.OpBegin, Path: dir.Join("new")})
	assert.ErrorContains(t, peer.ask(t, handoff.Request{Op: handoff.OpBegin, Path: dir.Join("new")}).Error, "already")
	assert.ErrorContains(t, peer.ask(t, handoff.Request{Op: "format"}).Error, "not known")
}

func TestNoNameLeadsOutOfTheTree(t *testing.T) {
	dir := fs.NewDir(t, "outer", fs.WithFile("secret", "s"), fs.WithDir("inner", fs.WithSymlink("up", "..")))
	peer := serving(t)
	names := []tree.Path{"../secret", "/etc/passwd", "up/secret", ""}
	reply, files := peer.askFiles(t, handoff.Request{Op: handoff.OpOpen, Path: dir.Join("inner"), Names: names})
	assert.Equal(t, len(files), 0)
	assert.Equal(t, len(reply.Errors), len(names))
	peer.do(t, handoff.Request{Op: handoff.OpBegin, Path: dir.Join("inner")})
	reply, files = peer.askFiles(t, handoff.Request{Op: handoff.OpCreate, Entries: []tree.Entry{{Path: "../new"}, {Path: "/tmp/new"}}})
	assert.Equal(t, len(files), 0)
	assert.Equal(t, len(reply.Errors), 2)
}

// peer is the sidecar's end of a connection that is served.
type peer struct {
	conn   *handoff.Conn
	served chan error
}

func serving(t *testing.T) *peer {
	t.Helper()
	return servingAs(t, LendDescriptors)
}

func servingAs(t *testing.T, lending Lending) *peer {
	t.Helper()
	mine, conn := connection(t)
	p := &peer{conn: conn, served: make(chan error, 1)}
	go func() {
		p.served <- Serve(mine, lending, newLogger(LogOptions{}, io.Discard))
		mine.Close() //nolint:errcheck // test
	}()
	return p
}

// connection returns both ends of a new connection.
func connection(t *testing.T) (shim, sidecar *handoff.Conn) {
	t.Helper()
	dir := handoff.Dir(t.TempDir())
	listener, err := handoff.Listen(dir)
	assert.NilError(t, err)
	defer listener.Close() //nolint:errcheck // one connection is all
	shim, err = handoff.Dial(dir)
	assert.NilError(t, err)
	sidecar, err = listener.Accept()
	assert.NilError(t, err)
	t.Cleanup(func() {
		shim.Close()    //nolint:errcheck // may be closed already
		sidecar.Close() //nolint:errcheck // may be closed already
	})
	return shim, sidecar
}

func (p *peer) askFiles(t *testing.T, req handoff.Request) (handoff.Reply, []*os.File) {
	t.Helper()
	assert.NilError(t, p.conn.Send(req))
	var reply handoff.Reply
	files, err := p.conn.Receive(&reply)
	assert.NilError(t, err)
	t.Cleanup(func() { handoff.CloseAll(files) })
	return reply, files
}

// reply receives the answer to what was sent.
func (p *peer) reply(t *testing.T) handoff.Reply {
	t.Helper()
	var reply handoff.Reply
	_, err := p.conn.Receive(&reply)
	assert.NilError(t, err)
	return reply
}

func (p *peer) ask(t *testing.T, req handoff.Request) handoff.Reply {
	t.Helper()
	reply, files := p.askFiles(t, req)
	assert.Equal(t, len(files), 0)
	return reply
}

func (p *peer) do(t *testing.T, req handoff.Request) {
	t.Helper()
	reply := p.ask(t, req)
	assert.Assert(t, reply.Error == nil, "%v", reply.Error)
}

func content(t *testing.T, f *os.File) string {
	t.Helper()
	data, err := io.ReadAll(f)
	assert.NilError(t, err)
	return string(data)
}

func read(t *testing.T, path string) string {
	t.Helper()
	data, err := os.ReadFile(path)
	assert.NilError(t, err)
	return string(data)
}
