// Package foreach hands the rows of each epoch to a function of the author:
// batch by batch, as Spark's foreachBatch, or row by row, as its foreach.
//
// # Main types
//
// [NewBatch] makes the sink of a [BatchFunc], which gets all the [Rows] of an
// epoch at once, with its number. [New] makes the sink of a [Writer], which is
// opened for each partition of an epoch and given one [Row] after the other.
//
// # What is promised
//
// Rows are staged beside the checkpoint before their epoch is decided, and the
// function runs after that: it never sees rows of an epoch that is given up
// later. A crash while it runs, and a failure that it returns, make the engine call it
// again with the same rows in the same order, the same partitions and the same
// number, whatever the parallelism is by then. A call that has returned without an error is not repeated,
// except after a crash in the moment before that was noted. So a function that does
// its work once per number works exactly once: write the number
// in the same transaction as the rows, and do nothing if it is there already.
//
// # The author's duties
//
//  1. A batch belongs to the loop that it is given in; copy what must stay. typed.Values makes values of a Go type of
//     the batches, which may be kept.
//  2. An error fails the attempt, and the epoch is tried again by the policy of restarts. A
//     *supervision.Failure of the kind Transient is tried again in place, one that is Fatal stops the flow.
//  3. The flow needs a checkpoint location, where the rows are staged.
//
// In update mode rows carry what they do: they are inserts, rows after an
// update, and deletes. Rows before an update are left out, as in Spark, unless
// [Options.Changelog] asks for them. In complete mode an epoch brings the whole result.
//
// The package starts no goroutine; epochs are handed over one after the other.
package foreach
