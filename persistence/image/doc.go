// Package image keeps rows of state tables below memory, in a Pebble database
// on the machine that runs the flow.
//
// # Main types
//
// An [Image] is a database, one a node. A [Table] is a state table in it, by incarnation, step and name; a
// [View] is the key groups of one task in a table and satisfies state.Below. A [Fold] adds what
// change files say, sorted once and ingested as a file; [Mark]s say which files a key group knows.
//
// # The caller's duties
//
//  1. Only decided epochs are folded, in their order, those of one key group by one caller at a time.
//  2. A key group counts for what its mark says: rows of a fold that did not end may lie there, newer than the
//     mark, until the fold is repeated.
//
// An image is a copy that can be made again from the files of a checkpoint: nothing durable depends on it. One that
// cannot be opened is begun anew; one that cannot be read ends the attempt, and is begun anew when the next one asks for
// its tables; tables from before are refused from then on. All I/O goes through vfs.
package image
