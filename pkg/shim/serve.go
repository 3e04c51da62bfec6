package shim

import (
	"errors"
	"fmt"
	"log/slog"
	"os"

	"github.com/converged-computing/oras-operator/pkg/handoff"
	"github.com/converged-computing/oras-operator/pkg/tree"
)

// server answers the requests of one connection.
type server struct {
	conn    *handoff.Conn
	lending Lending
	log     *slog.Logger
	writer  *tree.Writer // of the tree that is being written; nil: none is
	handles handles
	piece   []byte // of a file, on its way
}

// Serve answers the sidecar's requests until the connection ends, which is io.EOF when the sidecar ended it. A tree
// that was not committed by then is thrown away.
func Serve(conn *handoff.Conn, lending Lending, log *slog.Logger) error {
	s := &server{conn: conn, lending: lending, log: log, piece: make([]byte, handoff.MaxStream)}
	defer s.handles.closeAll()
	defer s.abort() //nolint:errcheck // the next writer of the same target removes what is left
	for {
		var req handoff.Request
		files, err := conn.Receive(&req)
		if err != nil {
			return err
		}
		handoff.CloseAll(files) // the sidecar has none to lend
		if err := s.answer(req); err != nil {
			return err
		}
	}
}

// answer does what is asked and replies. Its error is one of the connection: whatever else goes wrong is replied.
func (s *server) answer(req handoff.Request) error {
	switch req.Op {
	case handoff.OpRead:
		return s.sendPiece(req)
	case handoff.OpWrite:
		return s.receivePiece(req)
	case handoff.OpClose:
		return s.reply(s.handles.close(req.Handles))
	}
	return s.answerAboutTree(req)
}

func (s *server) answerAboutTree(req handoff.Request) error {
	s.log.Debug("The sidecar asks.", "op", req.Op, "path", req.Path, "names", len(req.Names), "entries", len(req.Entries))
	switch req.Op {
	case handoff.OpList:
		return s.list(req.Path)
	case handoff.OpOpen:
		return lend(s, req.Stream, req.Names, func(name tree.Path) (*os.File, error) { return tree.Open(req.Path, name) })
	case handoff.OpBegin:
		return s.reply(s.begin(req.Path))
	case handoff.OpAbort:
		return s.reply(s.abort())
	}
	if s.writer == nil {
		return s.reply(fmt.Errorf("%s: no tree is being written", req.Op))
	}
	return s.write(req)
}

// reply says that a request was done, or why not.
func (s *server) reply(err error) error {
	return s.conn.Send(handoff.Reply{Error: handoff.NewRemoteError(err)})
}

// begin starts a tree. One at a time: its descriptors and its staging directory belong to the connection.
func (s *server) begin(path string) error {
	if s.writer != nil {
		return errors.New("a tree is being written already")
	}
	w, err := tree.NewWriter(path, tree.WriterOptions{})
	if err != nil {
		return err
	}
	s.writer = w
	return nil
}

// abort throws away the tree that is being written, if one is.
func (s *server) abort() error {
	if s.writer == nil {
		return nil
	}
	w := s.writer
	s.writer = nil
	return w.Abort()
}
