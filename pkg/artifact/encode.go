package artifact

import (
	"bytes"
	"encoding/json"
	"fmt"
	"iter"
	"time"
)

// EncodeIndex returns the documents of an index with these entries, in order: one, or several of at most [MaxIndexBlob] bytes each.
// Device, inode and change time are left out.
func EncodeIndex(entries iter.Seq[Entry]) ([][]byte, error) {
	d := documents{limit: MaxIndexBlob, head: fmt.Appendf(nil, `{"version":%d,"entries":[`, IndexVersion)}
	for e := range entries {
		e.Dev, e.Ino, e.Ctime = 0, 0, time.Time{}
		encoded, err := json.Marshal(e)
		if err != nil {
			return nil, fmt.Errorf("encoding index entry %q: %w", string(e.Path), err)
		}
		d.add(encoded)
	}
	return d.close(), nil
}

// documents collects encoded entries into documents of a bounded size.
type documents struct {
	limit int
	head  []byte
	done  [][]byte
	open  []byte
}

const tail = "]}"

func (d *documents) add(entry []byte) {
	if d.open != nil && len(d.open)+1+len(entry)+len(tail) > d.limit {
		d.finish()
	}
	if d.open == nil {
		d.open = bytes.Clone(d.head)
	} else {
		d.open = append(d.open, ',')
	}
	d.open = append(d.open, entry...)
}

func (d *documents) finish() {
	d.done = append(d.done, append(d.open, tail...))
	d.open = nil
}

func (d *documents) close() [][]byte {
	if d.open == nil && d.done == nil {
		d.open = bytes.Clone(d.head)
	}
	if d.open != nil {
		d.finish()
	}
	return d.done
}

// DecodeIndex joins the documents of an index and validates it for a manifest with the given number of layers. The caller
// bounds the documents (to [MaxConfigBlob] each); the index may come from anyone. The errors are [ErrInvalidIndex] and
// [ErrVersion].
func DecodeIndex(documents iter.Seq[[]byte], layers int) (Index, error) {
	whole, i := Index{Version: IndexVersion}, 0
	for document := range documents {
		var x Index
		if err := json.Unmarshal(document, &x); err != nil {
			return Index{}, fmt.Errorf("%w: document %d: %w", ErrInvalidIndex, i, err)
		}
		if x.Version != IndexVersion {
			return Index{}, fmt.Errorf("%w: %d", ErrVersion, x.Version)
		}
		whole.Entries = append(whole.Entries, x.Entries...)
		i++
	}
	return whole, whole.Validate(layers)
}
