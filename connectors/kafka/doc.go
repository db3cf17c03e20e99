// Package kafka reads Kafka topics as a source of splits, one a partition,
// with the names, options and columns of Spark's Kafka source.
//
// # Main types
//
// [Input] is the source; [New] makes it from Spark's options, [Source] from
// Go's. Its readers deliver columns key, value, topic, partition, offset,
// timestamp, timestampType and, where includeHeaders is set, headers.
//
// # Positions
//
// A split is named "topic/partition" and its position is the next offset in
// digits. Offsets are kept by whoever calls, never committed to a consumer
// group: partitions are assigned by hand, nothing resets an offset silently,
// and only committed records are read unless kafka.isolation.level says
// otherwise. Control records and gaps move positions like rows do, so a bound
// that [Input.End] returned is always reached.
//
// # The caller's duties
//
//  1. Close every reader and the input.
//  2. Look at [Input.Losses] where failOnDataLoss is false: what was lost is
//     reported there and nowhere else.
//
// The package does not write to Kafka, discover partitions that appear after
// Start, or read schemas from a registry.
package kafka
