// Package ingest is the suite B1: a backlog of Kafka JSON into a Delta table, exactly once,
// an epoch every second, measured per CPU-second of the node's process beside
// encoding/json, a copy of memory and DuckDB in the same interleaved run.
//
// [Run] is the suite; [Node] and [Broker] are the processes that it starts, so that the
// broker's and the generator's costs are not the node's.
//
// The table is checked against sums recomputed from the generator, or from the
// topic's own bytes where that is not ours, and the ledger's positions against the topic's ends.
package ingest
