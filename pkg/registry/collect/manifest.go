package collect

import (
	"bytes"
	"encoding/json"
	"errors"
	"io"
	"strings"

	"github.com/opencontainers/go-digest"
)

// content is what a manifest says of others.
type content struct {
	lists   []digest.Digest // what it keeps
	subject digest.Digest   // what it refers to, by which it is kept; empty for none
}

// parse reads a manifest or an index. Whatever in it is called digest counts as kept, wherever it is and of whatever type the manifest is,
// so that one of a kind that is not known yet keeps what it needs; only its subject does not count. A name counts in any case,
// and so does each of two fields of the same name, since other readers may take either. An error says that it is not JSON.
func parse(data []byte) (content, error) {
	var c content
	var stack []frame
	dec := json.NewDecoder(bytes.NewReader(data))
	for {
		token, err := dec.Token()
		if errors.Is(err, io.EOF) && len(stack) == 0 && len(data) > 0 {
			return c, nil
		}
		if err != nil {
			return content{}, err
		}
		top := len(stack) - 1
		if top >= 0 && stack[top].wantsKey {
			if key, ok := token.(string); ok {
				stack[top].key, stack[top].wantsKey = key, false
				continue
			}
		}
		switch value := token.(type) {
		case json.Delim:
			if value == '}' || value == ']' {
				stack = stack[:top]
				continue // that the value has ended was noted when it began
			}
			next := frame{object: value == '{', wantsKey: value == '{'}
			next.subject = top >= 0 && (stack[top].subject || top == 0 && strings.EqualFold(stack[top].key, "subject"))
			if top >= 0 {
				stack[top].wantsKey = stack[top].object
			}
			stack = append(stack, next)
		default:
			if top < 0 {
				continue
			}
			if text, ok := value.(string); ok {
				c.note(stack[top], top, text)
			}
			stack[top].wantsKey = stack[top].object
		}
	}
}

// frame is an object or array that is being read.
type frame struct {
	object, wantsKey bool
	subject          bool // it is, or is in, the subject of the manifest
	key              string
}

// note takes in a string in the object or array at depth.
func (c *content) note(in frame, depth int, text string) {
	if !in.object || !strings.EqualFold(in.key, "digest") {
		return
	}
	d := digest.Digest(text)
	switch {
	case d.Validate() != nil:
	case !in.subject:
		c.lists = append(c.lists, d)
	case depth == 1:
		c.subject = d
	}
}
