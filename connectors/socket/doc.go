// Package socket reads lines from a TCP server, and sends rows to one: for tests and for looking at a query while it is
// written, as Spark's format "socket".
//
// # Main types
//
// [Source] has the column value, a line without its end, and timestamp, the time at which it was read, if includeTimestamp is set.
// A socket gives nothing twice, so rows arrive at most once: those that were read and not committed when an attempt ends are lost.
// Positions count lines since the flow's first start. A server that closes the connection is called again until it answers.
//
// [Sink] sends each row as a line of JSON as soon as it comes, on a connection per share: at least once, since rows of an attempt that fails come again,
// as far as what was sent was read, which TCP does not say.
//
// # The caller's duties
//
// None beyond those of the contract. The package has no encryption and no authentication: it is not for other people's networks.
package socket
