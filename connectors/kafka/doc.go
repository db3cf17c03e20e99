// Package kafka reads Kafka topics as a source of splits, one a partition, and
// writes rows to topics, with the names, options and columns of Spark's Kafka
// source and sink.
//
// # Main types
//
// [Input] is the source; [New] makes it from Spark's options, [Source] from
// Go's. Its readers deliver columns key, value, topic, partition, offset,
// timestamp, timestampType and, where includeHeaders is set, headers.
//
// [Output] is the sink; [NewSink] makes it from options, [Sink] from Go's. It
// takes columns key, value, topic, partition and headers, and without value
// writes each row as a JSON object.
//
// # Positions
//
// A split is named "topic/partition" and its position is the next offset in
// digits. Offsets are kept by whoever calls, never committed to a consumer
// group: partitions are assigned by hand, nothing resets an offset silently,
// and only committed records are read unless kafka.isolation.level says
// otherwise. With minPartitions a partition is read in parts: the splits "topic/partition/2of4@5000", of which each reads
// every fourth stripe of 1024 offsets from 5000 on, and whose positions count the offsets of their own. What lies before
// stays with the splits it was of, until they have read it; then they are over, and Start does not return them. Control records and gaps move positions like rows do, so a bound
// that [Input.End] returned is always reached.
//
// # What the sink promises
//
// At least once: rows leave as they come, and an epoch is prepared when every
// row is acknowledged. Exactly once: rows are staged, and each share of a
// decided epoch is one transaction that holds its position too, in a compacted
// topic of its own. On recovery every producer that the manifest names is
// fenced, that topic is read to its end, and each share is repeated or left out.
// Whoever reads committed records sees every row once, and the rows of a key in
// order as long as one split brings them.
//
// # The caller's duties
//
//  1. Close every reader, the input and the sink.
//  2. Look at [Input.Losses] where failOnDataLoss is false: what was lost is
//     reported there and nowhere else.
//
// A partition that appears after Start ends the reader with a failure of the
// kind Restart, so that the next attempt begins with it.
//
// Sources of a process with equal settings share the connections by which they ask for topics and offsets; each reader
// fetches by its own.
//
// The package does not make topics for rows, or read schemas from a registry.
package kafka
