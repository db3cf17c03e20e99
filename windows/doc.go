// Package windows puts rows into windows of time: tumbling, sliding and
// session windows, on event time or processing time, and aggregates them.
//
// # Main types
//
// A [Spec] says what windows there are, in Go or as SQL (window, session_window). [Spec.Bind] binds it to the
// columns of a stream: a [Bound] computes the event time of rows. [Panes] is the arithmetic of tumbling and sliding
// windows. [NewAggregate] and [NewSessions] make the operators.
//
// # How windows are computed
//
// Windows are half open, [start, end), and aligned to 1970-01-01 UTC plus the spec's offset. A row is put into one
// pane, whatever the ratio of size to slide: panes are the pieces of time between the starts and ends of windows. A window's result is the
// fold of its panes; it slides from window to window at a constant number of merges per key (see fold.go).
// A row is late for a window whose end the watermark of its split, or of the task, has passed before it came.
//
// # The caller's duties
//
//  1. Rows of one key reach one task: the exchange before the step is by the group columns.
//  2. Advance is called with watermarks that never go back, Flush at each barrier, as for every operator.
//
// The package is pure: it reads no clock. Processing time is that of the epoch.
package windows
