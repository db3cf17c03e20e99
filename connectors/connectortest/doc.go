// Package connectortest is the kit that every source and sink must pass.
//
// [Source] is given a way to make a source that holds some rows, [Sink] a way
// to make a sink and to look at it from outside; each runs what the contract
// of package connectors promises as subtests.
package connectortest
