// Package relay is the suite B9: how long a row takes from Kafka to Kafka through a flow, beside a
// bare loop of the same client that fetches and produces, on the same broker in the same run.
//
// # Main types
//
// [Run] is the suite and [Options] its settings; [Node] is the process under test, which runs either the
// flow or the bare loop, so that both are measured in the same way.
//
// # How it measures
//
// Rows are sent by a schedule that waits for nobody. The number of a row is its key and tells when it
// was to be sent; it has arrived when a reader of committed records gets it. So a stall counts for
// every row behind it, and what sending, the broker and reading cost is in both sides of a comparison. Where a flow
// counts by key, a row has arrived when a count that includes it has.
//
// Every row is looked for, and its value is compared with one that is made here without the engine.
//
// The package does not pin processes: broker, both sides and this process share the machine.
package relay
