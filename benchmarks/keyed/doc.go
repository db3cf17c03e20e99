// Package keyed is the load that the suites of keyed state share: counts and sums by key, in one task's share of the
// real aggregate over the real store, with epochs that are made durable and decided beside it.
//
// # Main types
//
// [Draw] says which keys the updates have. A [Share] is the task: [Share.Apply] takes a batch, [Share.Barrier]
// closes an epoch, [Share.Poll] takes what was done beside it. Writing change files, deciding in a Delta log, folding and
// bases run on other goroutines, as the engine has them. [Player.Play] plays a phase of load and says what it cost; [Work] is the life of a
// worker process that does so.
//
// # The caller's duties
//
//  1. A share belongs to one goroutine, which [Player.Play] locks to a thread of its own: what the thread spent in calls of the share
//     is the task's cost, all else of the process is background. That is why no flow is run here: its dispatcher moves
//     tasks between threads, and nobody could tell whose the time was.
//  2. Updates are numbered; [Draw] gives each number its key, so that what must be in the state can be recomputed.
//
// The package knows no exchange, no source and no sink. What it measures is from a batch in front of the operator on.
package keyed
