// Package persistence keeps the keyed state of a task: typed tables in memory,
// change files that hold what an epoch added, base files that merge them, and
// the way back from files to tables at any parallelism.
//
// # Main types
//
// [Store] is the state of one step in one task and satisfies operators.State.
// [Store.Checkpoint] copies what an epoch changed into a [Change], which
// [Change.Write] writes beside the running task. [StateFile] describes a file and stands in
// the manifest. [Store.Restore] fills a store from files; [Store.Upkeep] and
// [Upkeep.Write] merge files that have become many, and fold changes into an image ([image.Image]), where rows lie
// that do not fit into memory; [Live] and [Obsolete] say which files a
// manifest still needs and which may go.
//
// # The caller's duties
//
//  1. A store belongs to one goroutine at a time, a Change or a Base to another.
//  2. Files count only when a decided manifest names them. A file that the
//     next manifest no longer names may be removed only after a later epoch
//     than that manifest's is decided.
//  3. Restore comes before the tables are used.
//
// The package decides nothing about epochs, starts no goroutine and reads no
// clock. It writes no file twice: names end in a caller's unique identifier.
package persistence
