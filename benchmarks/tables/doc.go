// Package tables is the suite `bench delta`: tables of many files and of many commits opened, refreshed, appended to and
// checkpointed, and one of many rows scanned, beside delta-rs.
//
// [Run] is the suite; [Worker] one operation of Deltaic in a process of its own, so that its time and peak memory
// are its own. delta-rs does the same operation on the same bytes in the process before or after it (A B B A); what it changed is
// undone between. Tables of many files have a log alone: nobody opens their data files.
//
// Both sides must see the same files and rows, or the report is not verified. Where delta-rs is not installed the report
// has no anchors, and says so.
package tables
