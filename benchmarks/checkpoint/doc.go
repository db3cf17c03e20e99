// Package checkpoint is the suite B11: what an epoch every second costs a task that counts and sums by key, when updates come
// by a schedule and when they come as fast as they are taken; and B15, the memory that a key takes.
//
// [Run] is the suite; [Worker] one number of keys in a process of its own. Stretches with epochs and
// stretches without take turns in it (A B B A); behind each epoch files of the same sizes are made durable one after
// the other, as the anchor of how long an epoch takes to become durable.
//
// The load is that of package keyed: one task's share of the real operator over the real store, on a thread of its own.
package checkpoint
