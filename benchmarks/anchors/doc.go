// Package anchors measures what this machine can do at the moment, so that the
// suites report ratios of one interleaved run: encoding/json into structs, a copy of
// memory, files made durable, DuckDB's conversion of the same bytes where its program is
// installed.
//
// Every anchor runs alone in its call and returns when it is done; it leaves no file.
package anchors
