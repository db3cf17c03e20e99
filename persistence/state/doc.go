// Package state is the memory of state tables: typed rows by key, in columns
// without pointers, probed a batch at a time.
//
// # Main types
//
// [Spec] says what a table's rows are. A [Table] is cut into [Segment]s, each an open addressing table of
// its own: one for tables without windows, one a pane or window for those
// with. [Words] and [Bytes] are columns of values, which operators read and write by row. [Table.Checkpoint]
// copies what changed into a [Copy]; [Table.Apply] takes it back. Where many rows begin with the same keys
// ([Spec.Shared]) a segment keeps these once; who has found them elsewhere says so with [Segment.UpsertIn].
//
// # The caller's duties
//
//  1. A table belongs to one goroutine at a time.
//  2. A row number holds until the next Upsert, Find, Scan or checkpoint of its table; that of a row
//     that was touched since the last checkpoint holds until the next one.
//  3. Whoever writes the values of rows calls Touch: what is not touched is not in the next checkpoint.
//
// Rows that do not fit lie below the table, behind [Below]: Upsert and Find bring those of a batch
// in one pass, rows that are there as they are in memory may be evicted. The package does no I/O.
package state
