// Package epochs is the epoch protocol as a pure state machine: what is written
// where, in which order, and what follows from what is found.
//
// # Main types
//
// [Entry] is a record in the ledger: a claim or a decided epoch. [Manifest] is
// what an epoch's entry makes true. [Ledger] is the compare-and-swap register
// that holds the newest entry; the Delta log is one. [Coordinator] keeps the
// books of one attempt: barriers, acks, the order of deciding and committing.
//
// # The caller's duties
//
//  1. Claim before anything else is read, restored or collected.
//  2. Carry out the [Coordinator]'s actions, each once, and report how each ended.
//  3. Make everything that a manifest names durable before the decision, and
//     delete nothing that the previous manifest names before the next decision.
//  4. After any failure throw the coordinator away; a new attempt begins with a claim.
//
// The package does no I/O, has no clock and starts no goroutine.
package epochs
