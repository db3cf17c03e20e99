// Package delta is a Delta Lake library that stands alone: it creates tables,
// appends to them with optimistic transactions, reads their versions, writes
// checkpoints, and is the sink with which a flow commits its epochs exactly once.
//
// # Main types
//
// [Table] is a table at the root of an objstore.Store. [Create] makes one. [Head] is
// what appending needs of a version, without the list of files; [Snapshot]
// has the files, packed so that a million takes little memory; all Tables of one place in a process
// share the newest that one of them has loaded, and read only the commits since. [Table.VersionAt] finds the version of a time. [Snapshot.Scan] gives their rows: some columns or parts of them, those for which a condition is
// true, in an order and with a parallelism of the caller's ([ScanOptions]). [Table.Changes] gives what versions changed: their change feed, or the difference
// of their files and deletion vectors. [Commit] is what a transaction does and [Table.Commit]
// its optimistic loop; [Table.CompareAndCommit] is the same under the condition
// that a domain still holds what the caller wrote last, which is how a ledger fences.
// [Table.Restore] goes back to an earlier version. [Table.Check] looks for what is wrong with a table. [Writer] turns batches into data files with statistics. [Sink] implements connectors.Sink, [Source] streams a table.
//
// # The caller's duties
//
//  1. Files of a [Writer] are durable and not visible until a commit names
//     them. Those of a commit that failed for good are orphans; nothing here deletes them.
//  2. After an error that wraps objstore.ErrUnknown the same [Commit] with the same
//     TxnID and Read may be tried again: it recognises itself. Another one must not.
//  3. Batches of a scan belong to the caller, who releases them.
//
// Clock, randomness and sleeping come in [Options]. The package keeps no
// goroutine beyond a call but those of a stream's reader, which its Close waits for, and refuses by name tables that need features it does not know.
// Update mode rewrites files (copy on write); nothing here compacts or vacuums yet.
package delta
