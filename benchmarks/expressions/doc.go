// Package expressions is the suite `bench expressions`: twenty fixed expressions over columns in memory, beside DuckDB, on one
// thread each.
//
// [Run] is the suite, [Cases] are its expressions. Four each are of integers and decimals, texts, dates with a time zone, regular expressions and
// nested values. They were chosen before any was measured, from what users write: Nexmark's q1, q14, q21 and q22 and
// TPC-H's q1 where they have one of the kind, else the functions that come first in Spark's guides, in their usual combination. A case that
// turns out badly stays.
//
// Both sides hold the same rows: a table is made by seed, kept here as batches of 4,096 rows and given to
// DuckDB as Parquet, which loads it into a table in memory before anything is timed. What is timed is the evaluation and the cheapest use of its result,
// the count of rows that are not null: count(x) there, the ones of the validity bitmap here. Every column
// has nulls, or DuckDB would answer count(x) without x. DuckDB's time holds reading its table, which costs it a pointer
// for numbers and a header for texts; the ratios named _net leave out what a plain count of the columns that the
// expression reads takes.
//
// Processor time of the whole process counts, garbage collection included. Where the machine counts instructions they are not
// used: they would be of one side only. The results must be equal row by row, by a digest over all of them.
package expressions
