package operators

import (
	"cmp"
	"encoding/json"
	"fmt"
	"slices"

	"github.com/deltaic/deltaic/batch"
	"github.com/deltaic/deltaic/expr"
	"github.com/deltaic/deltaic/supervision"
)

// ClassExpectation is the class of what violates an expectation.
const ClassExpectation = "EXPECTATION_VIOLATION"

// Action is what becomes of a row that violates a rule. Of several the greatest counts.
type Action uint8

// The actions, weakest first.
const (
	Warn       Action = iota // the row goes on
	Drop                     // the row is left out
	Quarantine               // the row goes to the quarantine
	Fail                     // the flow ends, and the epoch with it
)

// String returns the name of the action in flow files.
func (a Action) String() string { return [...]string{"warn", "drop", "quarantine", "fail"}[a] }

// Rule is an expectation: a condition that rows satisfy. A row for which it is false or null, or
// cannot be computed, violates it.
type Rule struct {
	Name      string
	Condition *expr.Bound
	Action    Action
	Samples   int // violating rows of an epoch that are shown, of each task
}

// Expect counts the rows that violate rules, and does with them what the rules say. Where all rows of a batch satisfy all
// rules nothing is done per row. Of an input that changes, rows that take back others are not counted.
type Expect struct {
	evaluation
	rules  []Rule
	sure   []*expr.Bound // of the rules that can be computed for any row
	unsure []bool        // by rule
	said   []string      // by rule: its name and condition
	told   Expected      // of the epoch
	kept   Expected

	live    batch.Bitmap   // rows of the batch that are there
	counted batch.Bitmap   // rows that are counted
	failing []batch.Bitmap // by rule; only if violated
	unknown []batch.Bitmap // by rule: null rather than false
	errors  [][]expr.RowError
	some    []bool // by rule: violated by a row of the batch
	text    []byte
}

// Expected is what an Expect tells of an epoch.
type Expected struct {
	Rows        int64      `json:"rows"`
	Dropped     int64      `json:"dropped,omitempty"`
	Quarantined int64      `json:"quarantined,omitempty"`
	Failed      []int64    `json:"failed"` // by rule
	Samples     [][]Sample `json:"samples,omitempty"`
}

// Sample is a row that violates a rule.
type Sample struct {
	Source    string          `json:"source,omitempty"`
	Topic     string          `json:"topic,omitempty"`
	Partition *int32          `json:"partition,omitempty"`
	Offset    *int64          `json:"offset,omitempty"`
	Row       json.RawMessage `json:"row"`
}

func (e *Expect) sample(in *batch.Batch, row int32) Sample {
	place := e.Context.place(in, row)
	var at supervision.Failure
	place.Mark(&at)
	return Sample{Source: place.Source, Topic: at.Topic, Partition: at.Partition, Offset: at.Offset, Row: batch.AppendRowJSON(nil, in, int(row))}
}

// NewExpect returns the operator for rules, whose conditions must be boolean.
func NewExpect(rules []Rule) *Expect {
	e := &Expect{rules: rules}
	for _, r := range rules {
		e.said = append(e.said, r.Name+": "+r.Condition.SQL()+" is ")
		e.unsure = append(e.unsure, r.Condition.CanReject())
		if !r.Condition.CanReject() {
			e.sure = append(e.sure, r.Condition)
		}
	}
	return e
}

// Open makes room for the rules.
func (e *Expect) Open(c *Context) error {
	n := len(e.rules)
	e.told.Failed, e.kept.Failed = make([]int64, n), make([]int64, n)
	e.told.Samples = make([][]Sample, n)
	e.kept.Samples = make([][]Sample, n)
	e.failing, e.unknown = make([]batch.Bitmap, n), make([]batch.Bitmap, n)
	e.errors, e.some = make([][]expr.RowError, n), make([]bool, n)
	return e.evaluation.Open(c)
}

// Process passes on the rows that violate no rule, and those whose rules only warn.
func (e *Expect) Process(in *batch.Batch, _ int, out Output) error {
	if in.Rows() == 0 {
		return nil
	}
	e.look(in)
	violated, err := e.judge(in)
	if err != nil {
		return err
	}
	e.told.Rows += int64(e.counted.Count(in.N))
	if !violated {
		return out.Emit(in.Retain())
	}
	return e.act(in, out)
}

// look finds the rows that are there, and those that are counted.
func (e *Expect) look(in *batch.Batch) {
	words := batch.BitmapWords(in.N)
	e.live = slices.Grow(e.live[:0], words)[:words]
	clear(e.live)
	if in.Sel == nil {
		e.live.Fill(in.N)
	} else {
		e.live.SetRows(in.Sel)
	}
	if e.counted = e.live; in.Kinds == nil {
		return
	}
	e.counted = slices.Clone(e.live)
	for r, k := range in.Kinds {
		if k == batch.UpdateBefore || k == batch.Delete {
			e.counted.Clear(r)
		}
	}
}

// judge reports whether a row violates a rule, and notes which do. Rules that can fail to be computed are computed alone: what they say of a
// row is about them.
func (e *Expect) judge(in *batch.Batch) (bool, error) {
	e.begin()
	verdicts, err := expr.EvalAll(&e.expression, e.sure, in)
	if err != nil {
		return false, err
	}
	violated := false
	for i, unsure := range e.unsure {
		var verdict *batch.Column
		e.begin()
		if unsure {
			if verdict, err = e.rules[i].Condition.Eval(&e.expression, in); err != nil {
				break
			}
		} else {
			verdict, verdicts = verdicts[0], verdicts[1:]
		}
		e.some[i] = (len(e.expression.Rejected) > 0 || !satisfied(verdict, e.live)) && e.note(i, verdict, in)
		verdict.Release()
		violated = violated || e.some[i]
	}
	for _, v := range verdicts {
		v.Release()
	}
	return violated, err
}

// note notes which rows violate a rule, and reports whether any does.
func (e *Expect) note(i int, verdict *batch.Column, in *batch.Batch) bool {
	n := len(e.live)
	failing := slices.Grow(e.failing[i][:0], n)[:n]
	unknown := slices.Grow(e.unknown[i][:0], n)[:n]
	for w, live := range e.live {
		valid := ^uint64(0)
		if verdict.Valid != nil {
			valid = verdict.Valid[w]
		}
		if verdict.Type.Kind == batch.Void {
			failing[w], unknown[w] = live, live
			continue
		}
		failing[w], unknown[w] = live&^(verdict.Bits[w]&valid), live&^valid
	}
	e.errors[i] = append(e.errors[i][:0], e.expression.Rejected...)
	for _, r := range e.errors[i] {
		failing.Set(int(r.Row))
	}
	slices.SortFunc(e.errors[i], func(a, b expr.RowError) int { return cmp.Compare(a.Row, b.Row) })
	e.failing[i], e.unknown[i] = failing, unknown
	return failing.Count(in.N) > 0
}

// satisfied reports whether the verdict is true for every row of live.
func satisfied(verdict *batch.Column, live batch.Bitmap) bool {
	if verdict.Type.Kind == batch.Void {
		return false
	}
	missing := uint64(0)
	if verdict.Valid == nil {
		for w, l := range live {
			missing |= l &^ verdict.Bits[w]
		}
		return missing == 0
	}
	for w, l := range live {
		missing |= l &^ (verdict.Bits[w] & verdict.Valid[w])
	}
	return missing == 0
}

// act does with the rows that violate rules what these say.
func (e *Expect) act(in *batch.Batch, out Output) error {
	if err := e.fail(in); err != nil {
		return err
	}
	pool := e.Context.Pool
	gone := batch.Bitmap(pool.Words(len(e.live)))
	defer pool.PutWords(gone)
	aside := batch.Bitmap(pool.Words(len(e.live)))
	defer pool.PutWords(aside)
	clear(gone)
	clear(aside)
	for i, r := range e.rules {
		if !e.some[i] {
			continue
		}
		e.count(i, in)
		for w, f := range e.failing[i] {
			if r.Action >= Drop {
				gone[w] |= f
			}
			if r.Action == Quarantine {
				aside[w] |= f & e.counted[w]
			}
		}
	}
	if err := e.quarantine(aside, in, out); err != nil {
		return err
	}
	for w := range gone {
		e.told.Dropped += int64(count(gone[w] & e.counted[w] &^ aside[w]))
		gone[w] = e.live[w] &^ gone[w]
	}
	if left := gone.Count(in.N); left > 0 { // what reads them works faster on dense rows, and few are missing
		kept := *in
		kept.Sel = gone.Rows(in.N, pool.Rows(left))
		defer pool.PutRows(kept.Sel)
		return out.Emit(kept.Compact(pool))
	}
	return nil
}

func count(w uint64) int { return batch.Bitmap{w}.Count(64) }

// count counts the rows that violate a rule, and keeps the first as samples.
func (e *Expect) count(i int, in *batch.Batch) {
	for w, f := range e.failing[i] {
		e.told.Failed[i] += int64(count(f & e.counted[w]))
	}
	if room := e.rules[i].Samples - len(e.told.Samples[i]); room > 0 {
		for _, r := range e.failing[i].Rows(in.N, nil) {
			if room == 0 {
				return
			}
			if e.counted.Get(int(r)) {
				e.told.Samples[i] = append(e.told.Samples[i], e.sample(in, r))
				room--
			}
		}
	}
}

// fail ends the flow if a row violates a rule that asks for it, naming the first such row.
func (e *Expect) fail(in *batch.Batch) error {
	first := int32(-1)
	for i, r := range e.rules {
		if r.Action != Fail || !e.some[i] {
			continue
		}
		for _, row := range e.failing[i].Rows(in.N, nil) {
			if e.counted.Get(int(row)) {
				if first < 0 || row < first {
					first = row
				}
				break
			}
		}
	}
	if first < 0 {
		return nil
	}
	place := e.Context.place(in, first)
	f := &supervision.Failure{Kind: supervision.Fatal, Class: ClassExpectation, Step: e.Context.Step,
		Message: e.why(first) + ": " + string(batch.AppendRowJSON(nil, in, int(first))),
		Hint:    "the epoch is rolled back: correct the row or the rule and start again, or let the rule drop or quarantine"}
	if place.Topic == "" && place.String() != "" {
		f.Message = place.String() + ": " + f.Message
	}
	place.Mark(f)
	return f
}

// quarantine hands over the rows that go aside.
func (e *Expect) quarantine(aside batch.Bitmap, in *batch.Batch, out Output) error {
	n := aside.Count(in.N)
	if n == 0 {
		return nil
	}
	rows := make([]Rejected, 0, n) // the output's to keep
	for _, row := range aside.Rows(in.N, nil) {
		r := Rejected{Row: row, Class: ClassExpectation, Message: e.why(row)}
		for i, rule := range e.rules {
			if rule.Action == Quarantine && e.violates(i, row) {
				r.Rule = rule.Name
				break
			}
		}
		rows = append(rows, r)
	}
	e.told.Quarantined += int64(n)
	return out.Reject(in, rows)
}

func (e *Expect) violates(i int, row int32) bool { return e.some[i] && e.failing[i].Get(int(row)) }

// why names the rules that a row violates.
func (e *Expect) why(row int32) string {
	why := e.text[:0]
	for i := range e.rules {
		if !e.violates(i, row) {
			continue
		}
		if len(why) > 0 {
			why = append(why, "; "...)
		}
		why = append(why, e.said[i]...)
		at, failed := slices.BinarySearchFunc(e.errors[i], row, func(x expr.RowError, row int32) int { return cmp.Compare(x.Row, row) })
		switch {
		case failed:
			why = append(append(why, "not to be computed: "...), e.errors[i][at].Message...)
		case e.unknown[i].Get(int(row)):
			why = append(why, "null"...)
		default:
			why = append(why, "false"...)
		}
	}
	e.text = why
	return string(why)
}

// Keep notes the counts.
func (e *Expect) Keep() { e.kept.set(&e.told) }

// Undo goes back to what was noted.
func (e *Expect) Undo() { e.told.set(&e.kept) }

// set makes x what y is. Its room is used again.
func (x *Expected) set(y *Expected) {
	x.Rows, x.Dropped, x.Quarantined = y.Rows, y.Dropped, y.Quarantined
	copy(x.Failed, y.Failed)
	for i := range x.Samples {
		x.Samples[i] = append(x.Samples[i][:0], y.Samples[i]...)
	}
}

// Observed returns the counts of the epoch.
func (e *Expect) Observed() ([]byte, error) {
	if e.told.Rows == 0 {
		return nil, nil
	}
	data, err := json.Marshal(&e.told)
	n := len(e.rules)
	e.told = Expected{Failed: make([]int64, n), Samples: make([][]Sample, n)}
	return data, err
}

// MergeExpected puts together what the tasks tell of an epoch, of rules that ask for so many samples.
func MergeExpected(parts [][]byte, rules []Rule) (Expected, error) {
	all := Expected{Failed: make([]int64, len(rules)), Samples: make([][]Sample, len(rules))}
	for _, data := range parts {
		var one Expected
		if err := json.Unmarshal(data, &one); err != nil {
			return all, err
		}
		if len(one.Failed) != len(rules) || len(one.Samples) != len(rules) {
			return all, fmt.Errorf("operators: %d counts of %d rules", len(one.Failed), len(rules))
		}
		all.Rows += one.Rows
		all.Dropped += one.Dropped
		all.Quarantined += one.Quarantined
		for i := range rules {
			all.Failed[i] += one.Failed[i]
			all.Samples[i] = append(all.Samples[i], one.Samples[i]...)
			all.Samples[i] = all.Samples[i][:min(len(all.Samples[i]), rules[i].Samples)]
		}
	}
	return all, nil
}
