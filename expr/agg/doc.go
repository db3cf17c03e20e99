// Package agg computes aggregates of groups: it binds the aggregates of a
// select list and keeps their accumulators in the values of state tables, a batch of rows
// at a time.
//
// # Main types
//
// [Bind] finds the aggregates in texts such as "sum(a) / count(*) AS mean" and makes a [Plan]:
// the distinct [Call]s, the values that a state row holds for them, and the expressions over group
// columns and results that are the output. [Plan.New] makes the [Accumulators] of one task.
// A [Partial] holds accumulators outside a table: what is exported from one, folded before
// an exchange, or merged from many panes. [Registry] adds aggregates written in Go.
//
// # The caller's duties
//
//  1. Per batch: [Accumulators.Evaluate], then leave out the rows that were rejected, then
//     Upsert the groups, then [Accumulators.Update] with the rows and what was fresh, then Touch.
//  2. Accumulators belong to one goroutine.
//  3. Give back what is returned: release columns, [Accumulators.Free] partials.
//
// Slots are shared: avg(x), sum(x) and count(x) of one step keep one sum and one count.
// The package knows no windows, no tasks and no output modes, and does no I/O.
package agg
