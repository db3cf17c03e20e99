// Package rates is the suites of event time and keyed state: B5 and B6 (windows), B8 (exact DISTINCT) and B18 (skew), each beside
// DuckDB's batch rate on the same columns.
//
// [Window], [Distinct] and [Skew] run their cases in one interleaved run, each case and then DuckDB, forwards and backwards in turn,
// behind one pass that is not timed, and return one report. A case is a query of Nexmark over events in memory, or one of [WindowCases].
// Every run's result is compared with a recomputation that shares no code with the engine.
//
// The caller does nothing else meanwhile: processor time is that of the process. Without DuckDB's program (see package anchors)
// the reports say so and have the other ratios.
package rates
