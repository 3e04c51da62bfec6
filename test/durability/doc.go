// Package durability loads a registry with random pushes, mounts, moves of tags and deletions, remembers what the registry acknowledged,
// and holds against that what is there:
//
//   - What was acknowledged is there, and has the content that its digest says.
//   - A tag that is there was acknowledged, or its push was under way when the registry went away, and everything it names is there.
//   - What nobody keeps is gone after the grace periods: the storage holds no other bytes than those that are kept.
//
// It speaks the distribution protocol over the network, to any number of replicas. Where a connection breaks, it takes into account that
// nobody knows what came of the request. So the registry may be killed at any moment, and may be a process or pods of a cluster.
//
//	load := durability.New(durability.Options{URLs: urls, Workers: 6, Seed: seed, Grace: time.Minute})
//	load.Run(ctx)                  // until ctx ends
//	problems := load.Verify(ctx)   // what does not hold, in sentences; it wants a registry that answers
//	live := load.Live()            // the blobs that are kept, and their sizes, as of the last Verify
//
// It pushes to repositories of three kinds, below [Kept], [Trimmed] and [Fleeting]. The registry needs the retention rules that [Rules]
// returns, in this order.
package durability
