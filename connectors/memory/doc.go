// Package memory holds a source and a sink that live in the process: for
// tests, for trying things, and for results small enough to look at.
//
// [Source] delivers rows that were added by hand, as often as it is asked to;
// [Sink] is a table that shows the rows of committed epochs, and in update mode
// every change too. Neither outlives the process, and a sink keeps every row and
// change that it was given: they must fit into memory.
package memory
