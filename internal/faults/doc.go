// Package faults is the fault matrix of one node: what may go wrong, what does it on purpose, what is asserted, and which tests do.
//
// [Cells] is the matrix; [Page] makes docs/FAULTS.md of it and of what a run of its tests came to, which the command in
// cmd/faults does (`make faults`). A test of this package holds the page and the sources against the list, so that no cell names a test that is
// gone and no page lacks a cell.
//
// It runs nothing by itself, and it does not judge whether a test is a good one.
package faults
