package shim

import (
	"errors"
	"fmt"
	"io"

	"github.com/converged-computing/oras-operator/pkg/handoff"
	"github.com/converged-computing/oras-operator/pkg/tree"
)

// checkPiece refuses a piece of a file that no read or write may be of.
func checkPiece(req handoff.Request) error {
	if req.Offset < 0 || req.Length < 0 || req.Length > handoff.MaxStream {
		return fmt.Errorf("%s of %d bytes at offset %d: at most %d at a time, from offset 0 on", req.Op, req.Length, req.Offset, handoff.MaxStream)
	}
	return nil
}

// sendPiece replies with a piece of an open file and the state that the file has afterwards.
func (s *server) sendPiece(req handoff.Request) error {
	piece, state, err := s.readPiece(req)
	if err != nil {
		return s.reply(err)
	}
	reply := handoff.Reply{Length: len(piece), States: []tree.Entry{state}}
	if err := s.conn.Send(reply); err != nil || len(piece) == 0 {
		return err
	}
	return s.conn.SendBytes(piece)
}

func (s *server) readPiece(req handoff.Request) ([]byte, tree.Entry, error) {
	f, err := s.handles.get(req.Handle)
	if err = errors.Join(err, checkPiece(req)); err != nil {
		return nil, tree.Entry{}, err
	}
	piece := s.piece[:req.Length]
	n, err := f.ReadAt(piece, req.Offset)
	if err != nil && !errors.Is(err, io.EOF) {
		return nil, tree.Entry{}, err
	}
	state, err := tree.Stat(f)
	return piece[:n], state, err
}

// receivePiece writes the bytes that follow the request to an open file.
func (s *server) receivePiece(req handoff.Request) error {
	if err := checkPiece(req); err != nil {
		return s.reply(err) // no bytes follow
	}
	piece := s.piece[:req.Length]
	if req.Length > 0 {
		if err := s.conn.ReceiveBytes(piece); err != nil {
			return err
		}
	}
	f, err := s.handles.get(req.Handle)
	if err == nil {
		_, err = f.WriteAt(piece, req.Offset)
	}
	return s.reply(err)
}
