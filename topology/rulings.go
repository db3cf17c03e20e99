package topology

import "github.com/deltaic/deltaic/operators"

// The rulings of the verbs: Spark's matrix of output modes, with what works
// here beyond it. Each refusal says what would be wrong with the rows, and
// what to say instead.

// AggregateRuling is that of an aggregate. closes: a watermark ends its groups,
// because event time or a window over it is among them.
func AggregateRuling(closes bool) Ruling {
	r := Ruling{Reading: ReadChanges}
	if !closes {
		r.Refuses[operators.PortFinal] = Refusal{
			Why:  "aggregates without a watermark on what it groups by, so no result is ever final",
			Hint: "set a watermark and group by a window over its column, or write in output mode update or complete"}
	}
	return r
}

// SessionRuling is that of an aggregate by session windows.
func SessionRuling(closes bool) Ruling {
	r := AggregateRuling(closes)
	r.Reading = ReadFinal
	r.Refuses[operators.PortChanges] = Refusal{
		Why:  "groups by session windows, which have no name until they are over: two of them become one when a row comes between",
		Hint: "write in output mode append, or complete"}
	return r
}

// DedupRuling is that of a verb that keeps the first row of each key.
func DedupRuling() Ruling {
	return Ruling{Reading: ReadFinal, Refuses: [operators.Ports]Refusal{
		operators.PortChanges: {Why: "passes each row on once, for ever, and has no result that changes"},
		operators.PortComplete: {Why: "keeps keys, not rows, so it has no result that could be written as a whole",
			Hint: "drop duplicates before the aggregate, and write in output mode append"}}}
}

// TopRuling is that of the newest row or the first rows of each key. closes: a
// window is among the keys, so that a watermark ends it.
func TopRuling(closes, complete bool) Ruling {
	r := Ruling{Reading: ReadChanges}
	if !closes {
		r.Refuses[operators.PortFinal] = Refusal{
			Why:  "keeps rows that a later one may displace, so none is ever final",
			Hint: "put a window with a watermark among the keys, or write in output mode update"}
	}
	if !complete {
		r.Refuses[operators.PortComplete] = Refusal{
			Why:  "tells what changed, not its whole result",
			Hint: "write in output mode update"}
	}
	return r
}

// SortRuling is that of a verb that orders a whole result.
func SortRuling() Ruling {
	no := Refusal{Why: "sorts, and a stream that goes on has no order",
		Hint: "sort behind an aggregate that is written in output mode complete"}
	return Ruling{Refuses: [operators.Ports]Refusal{operators.PortFinal: no, operators.PortChanges: no}}
}

// LimitRuling is that of a verb that keeps the first n rows.
func LimitRuling() Ruling {
	return Ruling{Refuses: [operators.Ports]Refusal{operators.PortChanges: {
		Why:  "keeps the first rows, and which rows are first would change with every update",
		Hint: "use topN, or output mode append or complete"}}}
}

// InsertsRuling is that of a verb that takes rows one by one and cannot take
// one back; what says why.
func InsertsRuling(what, hint string) Ruling {
	return Ruling{Refuses: [operators.Ports]Refusal{operators.PortChanges: {Why: what, Hint: hint}}}
}

// StaticJoinRuling is that of a join with a static table.
func StaticJoinRuling() Ruling {
	return InsertsRuling("joins a table that may have another version by the time a row is taken back, so that what was written could not be found again",
		"join before the aggregate, or write in output mode append or complete")
}

// ProcessRuling is that of keyed processing by an author's code, in the mode
// that it was given.
func ProcessRuling(updates bool) Ruling {
	r := DedupRuling()
	r.Refuses[operators.PortComplete] = Refusal{Why: "emits what its code emits, and keeps no result that could be written as a whole", Hint: "write in output mode append or update"}
	if updates {
		r.Refuses[operators.PortChanges] = Refusal{}
		r.Refuses[operators.PortFinal] = Refusal{Why: "emits rows that replace earlier ones", Hint: "write in output mode update"}
	}
	return r
}
