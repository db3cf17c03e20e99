// Package memory holds a source and a sink that live in the process: for
// tests, for trying things, and for results small enough to look at.
//
// [Source] delivers rows that were added by hand, as often as it is asked to;
// [Sink] is a table that shows the rows of committed epochs. Neither outlives
// the process.
package memory
