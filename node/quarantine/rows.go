package quarantine

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"iter"
	"slices"
	"strings"

	"github.com/deltaic/deltaic/batch"
	"github.com/deltaic/deltaic/connectors"
	"github.com/deltaic/deltaic/delta"
	"github.com/deltaic/deltaic/stream"
	"github.com/deltaic/deltaic/supervision"
	"github.com/deltaic/deltaic/topology"
)

// changeColumn is the last column: tables of earlier versions lack it until something is written to them.
var changeColumn = topology.QuarantineSchema.Fields[topology.QuarantineChange].Name

// split is the only unit of the source.
const split connectors.SplitID = "rows"

// Rows are the rows of a quarantine that wait, at one version of its table. It is a source.
type Rows struct {
	snapshot *delta.Snapshot
	path     string
	scan     delta.ScanOptions
	from     []stream.Rejecter
	places   []place
	names    []string       // of sources and topics
	left     map[int64]bool // rows of the scan that are left out
	old      bool           // the table was made before rows had a change_type
}

// place is where a row came from.
type place struct {
	source, topic, file, partition int32 // -1: not known; the first three are names
	offset, version, row           int64
}

// Waiting returns the condition of rows that wait, and for which one more holds; "" for all. That one is a condition by itself: what is
// wrong with it is told with the places that its author knows.
func Waiting(s *delta.Snapshot, where string) (string, error) {
	const waiting = "replayed_at IS NULL AND id IS NOT NULL"
	if strings.TrimSpace(where) == "" {
		return waiting, nil
	}
	if _, err := s.ScanSchema(delta.ScanOptions{Where: where}); err != nil {
		return "", err
	}
	return "(" + where + "\n) AND " + waiting, nil // the new line ends a comment
}

// Check refuses a table that is no quarantine.
func Check(s *delta.Snapshot, path string) error {
	for _, f := range topology.QuarantineSchema.Fields {
		i := s.Head.Schema.IndexFold(f.Name)
		if i < 0 && f.Name == changeColumn {
			continue // its rows are all inserts, or were kept before that was noted
		}
		if i < 0 || !s.Head.Schema.Fields[i].Type.Equal(f.Type) {
			return &supervision.Failure{Kind: supervision.Fatal, Class: "QUARANTINE_NOT_REPLAYABLE", Path: path,
				Message: fmt.Sprintf("the table is no quarantine of this version: it has no column %s of type %s", f.Name, f.Type), Hint: "name the path under quarantine: of a flow that has run"}
		}
	}
	return nil
}

// Open finds the rows that wait and satisfy an SQL condition over the columns of the quarantine, "" for all.
func Open(ctx context.Context, t *delta.Table, where string) (*Rows, error) {
	s, err := t.Snapshot(ctx)
	if err != nil {
		return nil, err
	}
	if err := Check(s, t.URI()); err != nil {
		return nil, err
	}
	waiting, err := Waiting(s, where)
	if err != nil {
		return nil, err
	}
	r := &Rows{snapshot: s, path: t.URI(), scan: delta.ScanOptions{Where: waiting, Order: delta.ByAge}, old: s.Head.Schema.IndexFold(changeColumn) < 0}
	for _, f := range topology.QuarantineSchema.Fields {
		if r.old && f.Name == changeColumn {
			continue
		}
		r.scan.Columns = append(r.scan.Columns, f.Name)
	}
	return r, r.look(ctx)
}

// look reads who rejected the rows, and where they came from.
func (r *Rows) look(ctx context.Context) error {
	names := map[string]int32{}
	named := func(c *batch.Column, row int) int32 {
		if c.IsNull(row) {
			return -1
		}
		n, known := names[string(c.Bytes(row))]
		if !known {
			n = int32(len(r.names))
			names[string(c.Bytes(row))] = n
			r.names = append(r.names, string(c.Bytes(row)))
		}
		return n
	}
	seen := map[stream.Rejecter]bool{}
	columns := delta.ScanOptions{Where: r.scan.Where, Order: r.scan.Order, Columns: []string{"step", "source", "topic", "partition", "offset", "table_version", "file", "file_row"}}
	for b, err := range r.snapshot.Scan(ctx, columns) {
		if err != nil {
			return err
		}
		for i := range b.Rows() {
			row := b.Row(i)
			var who stream.Rejecter
			if step := b.Columns[0]; !step.IsNull(row) {
				who.Step = string(step.Bytes(row))
			} else if source := b.Columns[1]; !source.IsNull(row) {
				who.Source = string(source.Bytes(row))
			}
			seen[who] = true
			p := place{source: named(b.Columns[1], row), topic: named(b.Columns[2], row), file: named(b.Columns[6], row), partition: -1,
				offset: number(b.Columns[4], row), version: number(b.Columns[5], row), row: number(b.Columns[7], row)}
			if c := b.Columns[3]; !c.IsNull(row) {
				p.partition = c.I32[row]
			}
			r.places = append(r.places, p)
		}
		b.Release()
	}
	for who := range seen {
		r.from = append(r.from, who)
	}
	slices.SortFunc(r.from, func(a, b stream.Rejecter) int {
		return strings.Compare(a.Step+"\x00"+a.Source, b.Step+"\x00"+b.Source)
	})
	return nil
}

func number(c *batch.Column, row int) int64 {
	if c.IsNull(row) {
		return -1
	}
	return c.I64[row]
}

// From returns who rejected the rows.
func (r *Rows) From() []stream.Rejecter { return r.from }

// Leave leaves out rows, by their numbers. It is called once, before a run.
func (r *Rows) Leave(numbers []int64) {
	r.left = map[int64]bool{}
	for _, n := range numbers {
		r.left[n] = true
	}
	var places []place
	for n, p := range r.places {
		if !r.left[int64(n)] {
			places = append(places, p)
		}
	}
	r.places = places
}

// Len returns how many rows there are.
func (r *Rows) Len() int { return len(r.places) }

// Version returns the version of the table.
func (r *Rows) Version() int64 { return r.snapshot.Version }

// Place returns where a row came from before it was in quarantine.
func (r *Rows) Place(_ connectors.SplitID, row int64) (connectors.Place, bool) {
	if row < 0 || row >= int64(len(r.places)) || r.places[row].source < 0 {
		return connectors.Place{}, false
	}
	name := func(n int32) string {
		if n < 0 {
			return ""
		}
		return r.names[n]
	}
	p := r.places[row]
	return connectors.Place{Source: name(p.source), Topic: name(p.topic), Partition: p.partition, Offset: p.offset, Version: p.version, File: name(p.file), Row: p.row}, true
}

// position is a row of a version.
type position struct {
	Version int64 `json:"version"`
	Row     int64 `json:"row"`
}

func (p position) encode() connectors.Position {
	return connectors.Position(fmt.Sprintf(`{"version":%d,"row":%d}`, p.Version, p.Row))
}

func decode(at connectors.Position) (p position) {
	if json.Unmarshal([]byte(at), &p) != nil {
		return position{Version: -1}
	}
	return p
}

// Schema returns the columns of every quarantine.
func (r *Rows) Schema() *batch.Schema { return topology.QuarantineSchema }

// Description names the source.
func (r *Rows) Description() string { return "Quarantine[" + r.path + "]" }

// Start goes on in the version if it was begun, else at its first row.
func (r *Rows) Start(_ context.Context, known connectors.Positions) (connectors.Positions, error) {
	if at := known[split]; at != "" && decode(at).Version == r.Version() {
		return connectors.Positions{split: at}, nil
	}
	return connectors.Positions{split: position{r.Version(), 0}.encode()}, nil
}

// End returns the position behind the last row.
func (r *Rows) End(context.Context, []connectors.SplitID) (connectors.Positions, error) {
	return connectors.Positions{split: position{r.Version(), int64(r.Len())}.encode()}, nil
}

// Behind returns how many rows lie between two positions.
func (r *Rows) Behind(at, end connectors.Position) int64 {
	a, e := decode(at), decode(end)
	if a.Version != e.Version {
		return e.Row
	}
	return e.Row - a.Row
}

// Before returns how many rows of the fetch lie before the position.
func (r *Rows) Before(f connectors.Fetch, until connectors.Position) int {
	return max(0, min(f.Batch.N, f.Batch.N-int(r.Behind(until, f.After))))
}

// Offsets renders positions.
func (r *Rows) Offsets(at connectors.Positions) json.RawMessage {
	if at[split] == "" {
		return json.RawMessage("null")
	}
	return json.RawMessage(at[split])
}

// Close does nothing.
func (r *Rows) Close() error { return nil }

// Open begins to read.
func (r *Rows) Open(ctx context.Context, at connectors.Positions, o connectors.OpenOptions) (connectors.Reader, error) {
	next, stop := iter.Pull2(r.snapshot.Scan(context.WithoutCancel(ctx), r.scan))
	return &reader{rows: r, next: next, stop: stop, skip: decode(at[split]).Row, pool: o.Pool}, nil
}

type reader struct {
	rows    *Rows
	next    func() (*batch.Batch, error, bool)
	stop    func()
	scanned int64 // rows
	row     int64 // the next that is not left out
	skip    int64 // rows that were read before
	pool    *batch.Pool
}

// Next returns the next rows.
func (r *reader) Next(ctx context.Context) (connectors.Fetch, error) {
	for {
		if err := ctx.Err(); err != nil {
			return connectors.Fetch{}, err
		}
		b, err, more := r.next()
		if !more {
			return connectors.Fetch{}, io.EOF
		}
		if err != nil {
			return connectors.Fetch{}, err
		}
		if f := r.fetch(b); f.Batch != nil {
			return f, nil
		}
	}
}

// fetch gathers the rows of a batch that were not read before.
func (r *reader) fetch(b *batch.Batch) connectors.Fetch {
	defer b.Release()
	var rows []int32
	for i := range b.Rows() {
		if r.scanned++; r.rows.left[r.scanned-1] {
			continue
		}
		if r.row++; r.row > r.skip {
			rows = append(rows, int32(b.Row(i)))
		}
	}
	if len(rows) == 0 {
		return connectors.Fetch{}
	}
	made := b.Gather(r.pool, rows)
	if r.rows.old {
		none := batch.NewBuilder(batch.StringType, r.pool)
		for range made.N {
			none.Null()
		}
		made.Columns = append(made.Columns, none.Finish())
		none.Release()
	}
	made.Schema = topology.QuarantineSchema
	made.Origin = &batch.Origin{Offset: make([]int64, made.N)}
	for i := range made.Origin.Offset {
		made.Origin.Offset[i] = r.row - int64(made.N) + int64(i)
	}
	end := position{r.rows.Version(), int64(r.rows.Len())}.encode()
	return connectors.Fetch{Split: split, Batch: made, After: position{r.rows.Version(), r.row}.encode(), End: end}
}

// Pause does nothing: there is one split, and the engine takes what it has room for.
func (r *reader) Pause(connectors.SplitID) {}

// Resume does nothing.
func (r *reader) Resume(connectors.SplitID) {}

// Close ends the scan.
func (r *reader) Close() error { r.stop(); return nil }
