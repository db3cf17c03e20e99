// Package commit is the suite B17: how many epochs of one row a second a Delta table's ledger
// decides, beside one thread that only makes files of 4 KiB durable.
//
// [Run] is the suite. The files of the epochs to come are made durable while an epoch is
// decided, as the engine does it; decisions follow each other.
package commit
