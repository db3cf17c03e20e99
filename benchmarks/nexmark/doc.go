// Package nexmark makes the events of the Nexmark benchmark in the
// deterministic profile NX1: the seed and an event's number alone decide its
// bytes, so any event can be made alone, in any order, by anyone who checks
// what a run should have produced.
//
// A [Generator] appends events as JSON, one object without a line end
// ([Generator.AppendEvent]). [Generate] walks a whole run, with the rows that
// the options add or damage, and returns its [Summary]; [GenerateRows] also
// tells the truth about each record. [Run] sends a run to a file or to Kafka brokers.
//
// # Rows of a run
//
// A run has [Options.Events] rows, number k = 0, 1, ... Row k goes to
// partition k mod Partitions. What happens to row k is decided by a random
// stream of its own (seed and k), in this order:
//
//  1. With probability Broken it is damaged in one of the ten ways of [Damage].
//  2. Else, with probability Late, its event time is moved back by more
//     than the watermark's delay (see [LateBy]); the first rows of a run are never late.
//     Else, with probability Disorder, by less.
//  3. With probability Duplicates one more record follows directly behind it:
//     the exact bytes of an earlier row that is not broken, at most 10 000 rows back, in
//     another partition than that row's own (the same one if there is only one).
//
// So a run emits Events + Summary.Duplicates records, and the set of numbers of its
// records that are not broken holds each row that is not broken. The number n (Options.Number)
// is k. A duplicate is never broken itself; it is late when the row it repeats is late.
//
// Only Run, Produce, Write and WriteFile do I/O.
package nexmark
