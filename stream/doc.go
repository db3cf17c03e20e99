// Package stream is how a flow is said: sources, frames with Spark's verbs,
// sinks. A flow is a description; nothing runs until it is started.
//
// # Main types
//
// [Flow] collects what is said, [Frame] is a stream of rows with a schema,
// [Query] is a flow that runs, [Trigger] when its epochs close.
//
// # The caller's duties
//
// Mistakes are collected: every verb returns a frame, and [Flow.Build] returns all
// mistakes together, each with its step. A source or sink belongs to one flow.
//
// The package plans and runs nothing itself: Build makes a topology.Graph,
// and the root package runs it.
package stream
