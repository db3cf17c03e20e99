// Package recover is the suite B12: a flow with much keyed state is killed with SIGKILL at random moments; how long does
// it take from the start of its process to the first rows that it commits, and are all rows right.
//
// [Run] is the suite, [Worker] the process that is killed. It counts and sums by key, and keeps the results of one key in 512
// in a Delta table by upserts; all of the state is verified at the end.
//
// Every row that ought to be there follows from the position alone, so rows that a prefix of the input comes to are told from others
// without asking the engine. The table is read by the oracle, from committed bytes.
package recover
