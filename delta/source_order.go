package delta

import (
	"cmp"
	"context"
	"fmt"
	"maps"
	"math"
	"slices"
	"strings"

	"github.com/deltaic/deltaic/batch"
	"github.com/deltaic/deltaic/delta/log"
	"github.com/deltaic/deltaic/formats/parquet"
)

// orderedRows is how many rows are put in order at once, in memory, if no option says it.
const orderedRows = 500_000

// timeSpan is the rows of some files whose event time lies in a range. They come in its order; rows without one come first.
type timeSpan struct {
	files    []log.Add
	from, to int64 // micros or days, as the column has them; to is not in it
}

// fileSpan is the range of a file's event times.
type fileSpan struct {
	add         log.Add
	least, most int64
	rows        int64
}

// inOrder cuts what the table had at first into ranges of event time, whose rows are about as many as fit into memory. A file
// that reaches over several ranges is read for each of them.
func (s *Source) inOrder(ctx context.Context, head *Head, files []sourcePiece) ([]sourcePiece, error) {
	at := head.Schema.IndexFold(s.o.EventTime)
	if at < 0 || !isEventTime(head.Schema.Fields[at].Type.Kind) {
		f := s.failure("EVENT_TIME_IS_NOT_ON_TIMESTAMP_TYPE", head.Version, "eventTimeColumn is %s, and the table has no such column of a timestamp or date; it has (%s)", s.o.EventTime, head.Schema)
		return nil, f
	}
	c, err := s.table.scanOf(head, ScanOptions{Columns: []string{s.o.EventTime}})
	if err != nil {
		return nil, err
	}
	var spans []fileSpan
	counts := newTimeCounts()
	for i := range files {
		if files[i].skip {
			continue
		}
		f := fileSpan{add: files[i].add, least: math.MaxInt64, most: math.MinInt64}
		c.file(ctx, &f.add, func(b *batch.Batch, e error) bool {
			if err = e; err != nil {
				return false
			}
			for i := range b.Rows() {
				t := eventTime(b.Columns[0], b.Row(i))
				f.least, f.most, f.rows = min(f.least, t), max(f.most, t), f.rows+1
				counts.add(t)
			}
			b.Release()
			return true
		})
		if err != nil {
			return nil, err
		}
		if f.rows > 0 {
			spans = append(spans, f)
		}
	}
	return cutSpans(spans, counts.cut(cmp.Or(s.o.EventTimeRows, orderedRows))), nil
}

// timeCounts counts rows by their event time, to a power of two that grows so that the counts stay few.
type timeCounts struct {
	shift uint
	rows  map[int64]int64 // by the time shifted
	none  int64           // rows without one
	at    int64           // the time shifted of some rows that are not in rows yet
	more  int64           // how many they are
}

// countedTimes is how many times are counted apart.
const countedTimes = 1 << 16

func newTimeCounts() *timeCounts { return &timeCounts{rows: map[int64]int64{}} }

func (c *timeCounts) add(t int64) {
	if t == math.MinInt64 {
		c.none++
		return
	}
	if t>>c.shift != c.at {
		c.settle()
		c.at = t >> c.shift
	}
	c.more++
}

func (c *timeCounts) settle() {
	if c.more > 0 {
		c.rows[c.at] += c.more
		c.more = 0
	}
	for len(c.rows) > countedTimes {
		coarser := make(map[int64]int64, len(c.rows)/2)
		for t, n := range c.rows {
			coarser[t>>1] += n
		}
		c.rows, c.shift = coarser, c.shift+1
	}
}

// timeBound is where a range of event time begins, up to the next one, and how many rows it has.
type timeBound struct{ from, rows int64 }

// cut returns ranges that have so many rows at most, but for rows whose times are not counted apart.
func (c *timeCounts) cut(most int64) []timeBound {
	c.settle()
	bounds := []timeBound{{math.MinInt64, c.none}}
	for _, t := range slices.Sorted(maps.Keys(c.rows)) {
		n, last := c.rows[t], &bounds[len(bounds)-1]
		if last.rows > 0 && last.rows+n > most {
			bounds = append(bounds, timeBound{t << c.shift, n})
		} else {
			last.rows += n
		}
	}
	return bounds
}

// cutSpans makes the pieces of ranges of event time: of each the files that have rows in it.
func cutSpans(files []fileSpan, bounds []timeBound) []sourcePiece {
	slices.SortStableFunc(files, func(a, b fileSpan) int { return cmp.Compare(a.least, b.least) })
	var out []sourcePiece
	for i, b := range bounds {
		span := &timeSpan{from: b.from, to: math.MaxInt64}
		if i+1 < len(bounds) {
			span.to = bounds[i+1].from
		}
		p := sourcePiece{span: span, rows: b.rows}
		for _, f := range files {
			if f.least >= span.to || f.most < span.from {
				continue
			}
			span.files = append(span.files, f.add)
			p.add.Size += f.add.Size * b.rows / max(f.rows, b.rows) // about: a large file is read for several
		}
		if len(span.files) > 0 {
			out = append(out, p)
		}
	}
	return out
}

func isEventTime(k batch.Kind) bool {
	return k == batch.Timestamp || k == batch.TimestampNTZ || k == batch.Date
}

// eventTime returns the event time of a row; none is before all others.
func eventTime(c *batch.Column, row int) int64 {
	switch {
	case c.IsNull(row):
		return math.MinInt64
	case c.Type.Kind == batch.Date:
		return int64(c.I32[row])
	}
	return c.I64[row]
}

// timed is a row of a span.
type timed struct {
	time int64
	row  int32
}

// readSpan gives the rows of a span in the order of their event time, those of one time in the order of their files.
func (r *sourceRows) readSpan(ctx context.Context, c *sourceCommit, version int64, p *sourcePiece, from int64, give func(sourceFound) bool) bool {
	all, err := r.gatherSpan(ctx, p.span)
	if err != nil {
		return give(sourceFound{err: err})
	}
	if all == nil {
		return true
	}
	defer all.Release()
	times := all.Columns[len(all.Columns)-1]
	order := make([]timed, all.N)
	for i := range order {
		order[i] = timed{eventTime(times, i), int32(i)}
	}
	slices.SortStableFunc(order, func(a, b timed) int { return cmp.Compare(a.time, b.time) })
	most := cmp.Or(r.o.Rows, 4096)
	for at := int(from); at < len(order); {
		end := min(at+most, len(order))
		rows := make([]int32, 0, most)
		for _, o := range order[at:end] {
			rows = append(rows, o.row)
		}
		part := all.Gather(r.o.Pool, rows)
		part.Columns[len(part.Columns)-1].Release()
		part.Columns = part.Columns[:len(part.Columns)-1]
		b, _, err := r.make(part, c, version, p)
		at = end
		if !give(sourceFound{b: b, row: int64(at), err: err}) {
			return false
		}
	}
	return true
}

// gatherSpan returns the rows of a span with the wanted columns and the event time behind them, nil if there are none.
func (r *sourceRows) gatherSpan(ctx context.Context, span *timeSpan) (*batch.Batch, error) {
	ordered, err := r.t.scanOf(r.s.read, ScanOptions{Columns: r.spanNames, Where: r.spanWhere(span), Limits: r.limits})
	if err != nil {
		return nil, err
	}
	var parts []*batch.Batch
	for i := range span.files {
		ordered.file(ctx, &span.files[i], func(b *batch.Batch, e error) bool {
			if err = e; err != nil {
				return false
			}
			times, rows := b.Columns[r.timeAt], make([]int32, 0, b.Rows())
			for i := range b.Rows() {
				if t := eventTime(times, b.Row(i)); t >= span.from && t < span.to {
					rows = append(rows, int32(b.Row(i)))
				}
			}
			all := &batch.Batch{Schema: r.spanSchema, N: b.N, Columns: append(append([]*batch.Column(nil), b.Columns[:len(r.places)]...), times)}
			if len(rows) > 0 {
				parts = append(parts, all.Gather(r.o.Pool, rows))
			}
			b.Release()
			return true
		})
		if err != nil {
			break
		}
	}
	var out *batch.Batch
	if err == nil && len(parts) > 0 {
		out = batch.Concat(r.o.Pool, parts...)
	}
	for _, p := range parts {
		p.Release()
	}
	return out, err
}

// order makes ready for reading spans, where names are the columns wanted.
func (r *sourceRows) order(names []string, limits parquet.Limits) error {
	if r.s.o.EventTime == "" {
		return nil
	}
	column := r.s.o.EventTime
	if i := r.s.read.Schema.IndexFold(column); i >= 0 {
		column = r.s.read.Schema.Fields[i].Name
	}
	if r.timeAt = slices.Index(names, column); r.timeAt < 0 {
		r.timeAt, names = len(names), append(slices.Clone(names), column)
	}
	r.spanNames, r.limits = names, limits
	ordered, err := r.t.scanOf(r.s.read, ScanOptions{Columns: names, Where: r.s.before(), Limits: limits})
	if err != nil {
		return err
	}
	out := ordered.out.Fields
	r.spanSchema = &batch.Schema{Fields: append(slices.Clone(out[:len(r.places)]), out[r.timeAt])}
	return nil
}

// spanWhere returns a condition of rows, all those of the span among them, by which row groups and pages of large files are passed over.
func (r *sourceRows) spanWhere(span *timeSpan) string {
	column, literal := r.spanNames[r.timeAt], ""
	switch r.s.read.Schema.Fields[r.s.read.Schema.IndexFold(column)].Type.Kind {
	case batch.Timestamp:
		literal = "timestamp_micros(%d)"
	case batch.Date:
		literal = "date_from_unix_date(%d)"
	default:
		return r.s.before()
	}
	column = "`" + strings.ReplaceAll(column, "`", "``") + "`"
	var all []string
	if where := r.s.before(); where != "" {
		all = append(all, "("+where+")")
	}
	if span.to != math.MaxInt64 {
		older := column + " < " + fmt.Sprintf(literal, span.to)
		if span.from == math.MinInt64 {
			older = "(" + older + " OR " + column + " IS NULL)"
		}
		all = append(all, older)
	}
	if span.from != math.MinInt64 {
		all = append(all, column+" >= "+fmt.Sprintf(literal, span.from))
	}
	return strings.Join(all, " AND ")
}
