package flows

import (
	"context"
	"encoding/json"
	"fmt"
	"sort"
	"strconv"
	"strings"
	"sync"

	"github.com/deltaic/deltaic/batch"
	"github.com/deltaic/deltaic/connectors"
)

// change is a row as text, with what it does to the table.
type change struct {
	Kind batch.RowKind `json:"k"`
	Row  string        `json:"r"`
}

// record is a sink that keeps its rows as text. They travel in the manifest, so that they outlive a
// crash between decision and commit as those of a table do.
type record struct {
	hook func(phase string) error
	text func(b *batch.Batch, row int) string

	mu      sync.Mutex
	repeats connectors.Repeats
	mode    connectors.OutputMode
	rows    map[string]int // text to how often it is there
	faults  []string
	commits int
	written int // rows of committed epochs, of whatever kind
	taken   int // of them, rows that take another one back
}

func newRecord(hook func(string) error) *record {
	return &record{hook: hook, text: rowText, rows: map[string]int{}}
}

// newLateRecord keeps the ids of late rows.
func newLateRecord(hook func(string) error) *record {
	return &record{hook: hook, text: lateText, rows: map[string]int{}}
}

func (r *record) Description() string { return "record" }
func (r *record) Durable() bool       { return true }
func (r *record) Close() error        { return nil }

func (r *record) Modes() []connectors.OutputMode {
	return []connectors.OutputMode{connectors.Append, connectors.Update, connectors.Complete}
}

func (r *record) Bind(_ context.Context, _ *batch.Schema, m connectors.OutputMode) error {
	r.mode = m
	return nil
}

func (r *record) Writer(context.Context, connectors.Share) (connectors.Writer, error) {
	return &recordWriter{record: r}, nil
}

// Commit adds the changes of an epoch.
func (r *record) Commit(_ context.Context, c connectors.Commit) (connectors.Committed, error) {
	if err := r.hook("commit"); err != nil {
		return connectors.Committed{}, err
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	done := connectors.Committed{Version: -1, Repeat: r.repeats.Note(c)}
	if done.Repeat {
		return done, nil
	}
	r.commits++
	if r.mode == connectors.Complete {
		r.rows = map[string]int{}
	}
	var changes []change
	for _, p := range c.Prepared {
		if len(p.Data) == 0 {
			continue
		}
		var share []change
		if err := json.Unmarshal(p.Data, &share); err != nil {
			return done, err
		}
		changes = append(changes, share...)
	}
	// Shares are parallel: what one takes back another may have put there.
	r.written += len(changes)
	for _, c := range changes {
		if c.Kind == batch.Insert || c.Kind == batch.UpdateAfter {
			r.rows[c.Row]++
		}
	}
	for _, c := range changes {
		if c.Kind == batch.Delete || c.Kind == batch.UpdateBefore {
			r.taken++
			if r.rows[c.Row]--; r.rows[c.Row] < 0 {
				r.faults = append(r.faults, fmt.Sprintf("epoch took back %s, which is not there", c.Row))
			}
			if r.rows[c.Row] == 0 {
				delete(r.rows, c.Row)
			}
		}
	}
	return done, nil
}

// sorted returns the rows, those that are there several times as often.
func (r *record) sorted() []string {
	r.mu.Lock()
	defer r.mu.Unlock()
	var out []string
	for row, n := range r.rows {
		for range n {
			out = append(out, row)
		}
	}
	sort.Strings(out)
	return out
}

type recordWriter struct {
	record  *record
	changes []change
}

func (w *recordWriter) Write(_ context.Context, b *batch.Batch) error {
	if err := w.record.hook("write"); err != nil {
		return err
	}
	for i := range b.Rows() {
		at := b.Row(i)
		c := change{Row: w.record.text(b, at)}
		if b.Kinds != nil {
			c.Kind = b.Kinds[at]
		}
		w.changes = append(w.changes, c)
	}
	return nil
}

func (w *recordWriter) Seal(int64) (connectors.Sealed, error) {
	if err := w.record.hook("seal"); err != nil {
		return nil, err
	}
	if len(w.changes) == 0 {
		return nil, nil
	}
	s := recordSealed{w.record, w.changes}
	w.changes = nil
	return s, nil
}

func (w *recordWriter) Abort() {}

type recordSealed struct {
	record  *record
	changes []change
}

func (s recordSealed) Finish(context.Context) (connectors.Prepared, error) {
	if err := s.record.hook("finish"); err != nil {
		return connectors.Prepared{}, err
	}
	data, err := json.Marshal(s.changes)
	return connectors.Prepared{Rows: int64(len(s.changes)), Data: data}, err
}

// rowText renders a row as DuckDB's rows are rendered by texts.
func rowText(b *batch.Batch, row int) string {
	var out []string
	for i, f := range b.Schema.Fields {
		c := b.Columns[i]
		if c.IsNull(row) {
			out = append(out, "NULL")
			continue
		}
		switch f.Type.Kind {
		case batch.Timestamp, batch.TimestampNTZ:
			out = append(out, strconv.FormatInt(c.I64[row], 10))
		case batch.Double:
			out = append(out, floatText(c.F64[row]))
		default:
			out = append(out, string(batch.AppendText(nil, c, row)))
		}
	}
	return strings.Join(out, "|")
}

// lateText is the id in the value of a late row.
func lateText(b *batch.Batch, at int) string {
	value := string(batch.AppendText(nil, b.Columns[b.Schema.Index("value")], at))
	var row struct{ ID int64 }
	if err := json.Unmarshal([]byte(value), &row); err != nil {
		return fmt.Sprintf("%s: %v", value, err)
	}
	return strconv.FormatInt(row.ID, 10)
}

// floatText leaves out the digits that depend on the order of additions.
func floatText(v float64) string {
	if v == 0 {
		v = 0 // never -0
	}
	return strconv.FormatFloat(v, 'g', 9, 64)
}

// texts renders DuckDB's rows in the same way; floats says which columns are.
func texts(rows [][]*string, floats map[int]bool) ([]string, error) {
	out := make([]string, 0, len(rows))
	for _, r := range rows {
		row := make([]string, len(r))
		for i, v := range r {
			switch {
			case v == nil:
				row[i] = "NULL"
			case floats[i]:
				f, err := strconv.ParseFloat(*v, 64)
				if err != nil {
					return nil, err
				}
				row[i] = floatText(f)
			default:
				row[i] = *v
			}
		}
		out = append(out, strings.Join(row, "|"))
	}
	sort.Strings(out)
	return out, nil
}
