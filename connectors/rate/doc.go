// Package rate is a source for tests and measurements: rows that count up, so
// many a second, as Spark's format "rate".
//
// # Main types
//
// [Source] has the columns timestamp and value. Row v comes at a time that follows from the start of the flow and
// v alone, and is in partition v mod numPartitions, so what is read from a position is the same every time.
//
// [MicroBatch] has the same columns and brings so many rows an epoch, as Spark's format "rate-micro-batch": what an epoch
// holds follows from its number alone.
//
// # The caller's duties
//
// None beyond those of the contract. The package does not measure: rows that
// could not be taken in time are delivered late, none is left out.
package rate
