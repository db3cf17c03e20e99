// Package fold is a sink that keeps nothing but sums: the black hole of the
// Nexmark suite, which still proves what went into it.
//
// [New] makes a [Sink] of [Check]s. Rows that delete, or hold what a row was before an update, are
// subtracted, so that a changelog folds to what its result holds. [Sink.Result] returns the check
// columns of all committed epochs. The sums of an epoch travel in its manifest: they count
// exactly once over restarts, as rows of a table would.
//
// Checks that count distinct values keep a Go map of them and take rows that never change only.
package fold
