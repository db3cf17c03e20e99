// Package expr gives meaning to Spark SQL expressions over columnar batches:
// it binds text to a schema and evaluates it a column at a time.
//
// # Main types
//
// [Bind] makes a [Bound] of one expression, [BindSelect] makes [Item]s of a
// select list, stars expanded. [Bound.Eval] and [EvalAll] compute columns for a
// batch, given a [Context]. [Functions] lists what can be called; a [Registry]
// adds users' functions. The grammar is in package expr/parse, dates and times
// in expr/datetime, regular expressions in expr/regex.
//
// # The caller's duties
//
//  1. A Bound is immutable and may be shared; a Context belongs to one
//     goroutine. Set Context.Now when an epoch opens.
//  2. Call [Context.Reset] for each batch. After Eval look at
//     Context.Rejected: rows that failed (under ANSI rules, or malformed
//     records) have null results and are listed there, each once. The caller
//     quarantines them or fails.
//  3. Release the columns returned. Their rows that the batch's selection does
//     not name hold arbitrary values.
//
// The package does no I/O, starts no goroutine and reads no clock. It knows no
// aggregates, windows or subqueries: those are parsed, and refused when bound.
package expr
