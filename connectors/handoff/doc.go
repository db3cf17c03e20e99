// Package handoff is a source of two: one that holds what was, such as a table, is read to its end, then one that brings
// what comes, such as a Kafka topic, from exactly there.
//
// # Main types
//
// [Source] is made by [New] of the two and of a [Point], which says once, at the flow's first start, where the live source begins.
// Rows have the columns of the live source; of the history those of the same names are taken, the others are null.
//
// # The caller's duties
//
// The history must end: its splits come to a fetch that is the last. The point must fit what the history gives from the
// positions at which it starts: without a gap, without an overlap.
//
// Splits, positions and offsets are those of the two, marked with where they belong. The live source is not opened before
// the history is at its end. The package starts no goroutine.
package handoff
