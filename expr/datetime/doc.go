// Package datetime reads and writes dates and times as Spark 4 does: the
// lenient forms of casts, and patterns in the letters of Java's
// DateTimeFormatter.
//
// # Main types
//
// [ParseDate] and [ParseTimestamp] read what CAST accepts, [AppendDate] and
// [AppendTimestamp] write what CAST gives. [Pattern] formats and parses by a
// pattern. [Civil] and [Days] convert between days since 1970 and the calendar
// (proleptic Gregorian).
//
// Dates are days and timestamps microseconds since 1970-01-01. Zones are given
// by the caller; names of regions in the data are read only if they are the
// session's own, since reading the zone files would be I/O.
package datetime
