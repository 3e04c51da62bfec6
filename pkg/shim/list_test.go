package shim

import (
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"gotest.tools/v3/assert"

	"github.com/converged-computing/oras-operator/pkg/handoff"
	"github.com/converged-computing/oras-operator/pkg/tree"
)

func TestAListingOfAnySizeArrivesWholeInMessagesWithinTheBound(t *testing.T) {
	long := tree.Path(strings.Repeat("\x01/", tree.MaxPath/2)) // six times as long in JSON
	tests := map[string]tree.Listing{
		"empty":                  {},
		"a single file":          {File: true, Entries: entries(1, "file")},
		"a few":                  {Entries: entries(10, "entry")},
		"many":                   {Entries: entries(20_000, "some/directory/entry")},
		"many, and many skipped": {Entries: entries(1_000, "entry"), Skipped: paths(20_000, "socket")},
		"only skipped":           {Skipped: paths(3, "socket")},
		"names as long as can be, as costly as can be": {Entries: entries(50, string(long))},
		"names that are not UTF-8":                     {Entries: entries(2_000, "\xff\xfe")},
	}
	for name, listing := range tests {
		t.Run(name, func(t *testing.T) {
			var got tree.Listing
			var last handoff.Reply
			messages := 0
			err := split(listing, handoff.MaxMessage-replyOverhead, func(reply handoff.Reply) error {
				data, err := json.Marshal(reply)
				assert.NilError(t, err)
				assert.Assert(t, len(data) <= handoff.MaxMessage, "%d bytes", len(data))
				assert.Assert(t, messages == 0 || last.More, "a message after the last")
				assert.Equal(t, reply.File, listing.File)
				got.Entries = append(got.Entries, reply.Entries...)
				got.Skipped = append(got.Skipped, reply.Skipped...)
				last = reply
				messages++
				return nil
			})
			assert.NilError(t, err)
			assert.Assert(t, !last.More)
			got.File = last.File
			assert.DeepEqual(t, got, listing)
		})
	}
}

func TestAnEntryThatFitsIntoNoMessageIsNamed(t *testing.T) {
	listing := tree.Listing{Entries: entries(1, strings.Repeat("long", 100))}
	err := split(listing, 200, func(handoff.Reply) error { return nil })
	_, ok := errors.AsType[*entryTooLarge](err)
	assert.Assert(t, ok, "%v", err)
	assert.ErrorContains(t, err, "longlong")
}

func TestALostConnectionEndsAListing(t *testing.T) {
	lost := errors.New("lost")
	calls := 0
	err := split(tree.Listing{Entries: entries(100, "entry")}, 500, func(handoff.Reply) error { calls++; return lost })
	assert.ErrorIs(t, err, lost)
	assert.Equal(t, calls, 1)
}

func entries(n int, name string) []tree.Entry {
	list := make([]tree.Entry, n)
	for i, p := range paths(n, name) {
		list[i] = tree.Entry{Path: p, Type: tree.File, Mode: 0o644, Size: int64(i), ModTime: time.Unix(1e9, int64(i)).UTC()}
	}
	return list
}

func paths(n int, name string) []tree.Path {
	list := make([]tree.Path, n)
	for i := range list {
		list[i] = tree.Path(fmt.Sprintf("%s-%d", name, i))
	}
	return list
}
