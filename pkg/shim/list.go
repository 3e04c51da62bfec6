package shim

import (
	"encoding/json"
	"errors"
	"fmt"

	"github.com/converged-computing/oras-operator/pkg/handoff"
	"github.com/converged-computing/oras-operator/pkg/tree"
)

// replyOverhead is more than a reply's JSON takes beside its entries and skipped names, in bytes.
const replyOverhead = 256

// list replies with the tree at path, in as many messages as it takes.
func (s *server) list(path string) error {
	listing, err := tree.List(path)
	if err != nil {
		return s.reply(err)
	}
	send := func(reply handoff.Reply) error { return s.conn.Send(reply) }
	err = split(listing, handoff.MaxMessage-replyOverhead, send)
	if tooLarge, ok := errors.AsType[*entryTooLarge](err); ok {
		return s.reply(tooLarge)
	}
	return err
}

// entryTooLarge is the error of an entry that fits into no message.
type entryTooLarge struct {
	path tree.Path
	size int
}

func (e *entryTooLarge) Error() string {
	return fmt.Sprintf("%.200q cannot be listed: its name and link take %d bytes", string(e.path), e.size)
}

// split sends a listing as replies of at most limit bytes of entries each, all but the last with More.
func split(listing tree.Listing, limit int, send func(handoff.Reply) error) error {
	c := chunker{limit: limit, send: send, reply: handoff.Reply{File: listing.File}}
	for _, e := range listing.Entries {
		if err := c.room(e.Path, e); err != nil {
			return err
		}
		c.reply.Entries = append(c.reply.Entries, e)
	}
	for _, p := range listing.Skipped {
		if err := c.room(p, p); err != nil {
			return err
		}
		c.reply.Skipped = append(c.reply.Skipped, p)
	}
	return send(c.reply)
}

// chunker fills one reply after the other.
type chunker struct {
	limit int
	send  func(handoff.Reply) error
	reply handoff.Reply
	size  int // of what the reply holds, in bytes of JSON
}

// room sends the reply if it has none left for one more item.
func (c *chunker) room(path tree.Path, item any) error {
	data, err := json.Marshal(item)
	if err != nil {
		return fmt.Errorf("encoding %q: %w", path, err)
	}
	size := len(data) + len(",")
	if size > c.limit {
		return &entryTooLarge{path, size}
	}
	if c.size+size > c.limit {
		c.reply.More = true
		if err := c.send(c.reply); err != nil {
			return err
		}
		c.reply = handoff.Reply{File: c.reply.File}
		c.size = 0
	}
	c.size += size
	return nil
}
