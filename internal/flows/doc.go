// Package flows draws random flows over random rows, runs them through crashes, and compares
// what they wrote with a batch recomputation by DuckDB and a model of the late rule.
//
// [Run] is one case: everything in it, rows with their nulls, duplicates and late ones, verbs, output
// mode, parallelism, size of batches, a memory limit below which no state stays, and where attempts are killed, follows from
// the seed. A seed whose flow writes too few rows draws again, with more of them. Run returns an error that
// says what differs, and [Counts] of what was drawn, so that whoever runs many seeds can say that nothing was left out.
//
// Late rows are compared by their ids, in the table of late rows, where the flow keeps one. What depends on more than the rows, on
// processing time or on which source is faster, tells enough of itself to be computed again.
//
// The caller brings a session of DuckDB (the program of benchmarks/duckdb). Each case runs in a folder of its own.
// Crashes are those of an attempt inside the process: kills of the process and power cuts are internal/crash's and internal/sim's.
// Idle splits, which are a matter of seconds, are the simulator's.
package flows
