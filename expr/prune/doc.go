// Package prune finds out, from what is known of the values of many units (files, row groups, pages), which
// of them cannot have a row for which a condition is true.
//
// # Main types
//
// [Condition] is made once of a condition's text and a schema; [Condition.Columns] are the columns whose
// [Bounds] it asks for, [Condition.Keep] says for many units at once which may have such a row.
//
// A condition becomes another one over bounds: a < 5 becomes "the least a is below 5, or not known". That is evaluated
// as any expression is, a column of units at a time. Conditions over columns whose value is the same in a whole unit,
// such as partition columns, are evaluated as they stand. What is not understood keeps the unit.
//
// # The caller's duties
//
//  1. Bounds may be wider than the values but never narrower, and order as values of their column do. Of floating point columns
//     they say nothing about NaN, which is greater than all and which no bound needs to cover.
//  2. [expr.Context].Now is the one with which the condition is evaluated over rows.
//
// A Condition is immutable and may be shared. The package does no I/O and knows no file format.
package prune
