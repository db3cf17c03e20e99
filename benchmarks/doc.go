// Package benchmarks measures Deltaic beside anchors and rivals: each suite runs the real thing,
// checks its output and reports ratios of one interleaved run.
//
// [Commands] returns the suites as commands for `deltaic bench`; each suite is a package with
// options and a Run, for use without a command line: ingest (B1), rates (B5, B6, B8, B18) and others. Package nexmark makes
// the events, package measure the report, package anchors what a suite is compared with.
//
// A caller that registers [Commands] must do so in a program in which "bench worker KIND" reaches them:
// suites start their own program again so that each side's cost is its own. Timings on a shared
// machine mean something only as ratios of one run.
package benchmarks
