// Package latency is the suite B10: how long a row takes from the time at which it was to be sent
// to a committed version of a Delta table, at a steady rate and with epochs back to back, beside
// three durable creates that depend on each other.
//
// [Run] is the suite; [Node] is the process under test. Rows are sent by a schedule
// that waits for nobody, and carry the time that the schedule says: a stall counts for every row
// behind it.
//
// A row waits on average for half an epoch before its own, and an epoch is a file of
// rows and a log entry: hence the three creates.
package latency
