// Package state is the suite B14: updates of more keys than fit into memory, each a read, a change and a write of 32
// bytes behind a key of 8, uniform and by a Zipf law, under a limit of memory.
//
// [Run] is the suite; [Worker] one distribution in a process of its own, [Points] the anchor: the same keys updated by one get
// and one set each in Pebble, the store that lies below the engine's state, with a cache of the same limit.
//
// The suite makes no control group: whoever runs it puts it into one (`make bench-state` does). memory_limit covers what the
// engine holds; the worker tells the runtime to keep all of the process within Options.Process.
//
// The load is that of package keyed: one task's share of the real operator over the real store, on a thread of its own.
package state
