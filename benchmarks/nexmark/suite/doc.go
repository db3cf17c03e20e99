// Package suite runs the queries of Nexmark: `deltaic bench nexmark`.
//
// [Run] runs one query over the events of a deterministic run and returns a [Result] with its check columns, computed from
// what the sink holds, and what the run took; verified, it compares them with package recompute.
//
// The caller gives brokers of a topic that `bench generate` filled with the same options, or a file. Input from memory is made
// before the clock starts. CPU and peak memory are the process's: input that lies in memory is part of the peak.
// The queries that join two streams are not here.
package suite
