// Package who carries the name of who asks from the part of a request that finds it out to the log, which is written by a
// part that began before.
package who

import (
	"context"
	"sync/atomic"
)

type key struct{}

// Track returns a context in which a name can be set, from below too.
func Track(ctx context.Context) context.Context {
	return context.WithValue(ctx, key{}, &atomic.Value{})
}

// Set says that name asks. Nothing happens where nobody tracks it.
func Set(ctx context.Context, name string) {
	if holder, ok := ctx.Value(key{}).(*atomic.Value); ok {
		holder.Store(name)
	}
}

// Of returns the name that was set last, or nothing.
func Of(ctx context.Context) string {
	if holder, ok := ctx.Value(key{}).(*atomic.Value); ok {
		name, _ := holder.Load().(string)
		return name
	}
	return ""
}
