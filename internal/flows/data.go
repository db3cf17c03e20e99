package flows

import (
	"fmt"
	"math"
	"slices"
	"strconv"
	"strings"

	"github.com/deltaic/deltaic/batch"
	"github.com/deltaic/deltaic/connectors/memory"
)

// row is a row of the input. Nil pointers are nulls.
type row struct {
	id  int64
	k   *string // skewed
	g   int64
	v   *int64
	x   *int64 // DECIMAL(10,2), unscaled
	at  *int64 // microseconds
	pos int64  // in its split

	// behind is the watermark of its split that had passed the row before it came,
	// math.MinInt64 for a row in time.
	behind int64
}

// schema of the input.
var schema = batch.NewSchema(
	batch.Field{Name: "id", Type: batch.BigIntType},
	batch.Field{Name: "k", Type: batch.StringType, Nullable: true},
	batch.Field{Name: "g", Type: batch.BigIntType},
	batch.Field{Name: "v", Type: batch.BigIntType, Nullable: true},
	batch.Field{Name: "x", Type: batch.DecimalType(10, 2), Nullable: true},
	batch.Field{Name: "ts", Type: batch.TimestampType, Nullable: true})

const second = int64(1_000_000)

// data is the input of a case.
type data struct {
	splits [][]row
	delay  int64 // of the watermark, microseconds

	lateness int64 // that is allowed, microseconds
	limit    int64 // rows of a split that an epoch reads, where the watermark is that of the split furthest ahead; else 0
	other    *data // the rows of a second source
}

// drawData draws rows, on both sides of 1970. Each try of a seed has more of them.
func drawData(d *draw) *data {
	in := &data{splits: make([][]row, 1+d.IntN(3)), delay: pick(d, int64(0), 1, 5, 20) * second}
	n := (300 + d.IntN(300)) * pick(d, 1, 1, 3) * (1 + d.try)
	base := pick(d, int64(0), 1_700_000_000, -86400*3) * second
	step := pick(d, second/100, second/4, second, 3*second) // of event time between rows of a split, about
	now := make([]int64, len(in.splits))
	for i := range now {
		now[i] = base + d.Int64N(10*second)
	}
	keys, pauses := pick(d, 5, 40, 200), pick(d, 10, 40)
	for id := range n {
		s := d.IntN(len(in.splits))
		now[s] += d.Int64N(2*step + 1)
		if d.chance(pauses) {
			now[s] += 30 * second // sessions end, and more than one timer of a key is due
		}
		r := row{id: int64(id), g: int64(d.IntN(4)), pos: int64(len(in.splits[s]))}
		if d.chance(12) {
			d.note("null")
		} else {
			k := int(float64(keys) * math.Pow(d.Float64(), 3))
			r.k = ptr("k" + strconv.Itoa(k))
		}
		if d.chance(10) {
			d.note("null")
		} else {
			r.v = ptr(d.Int64N(100) - 20)
		}
		if !d.chance(10) {
			r.x = ptr(d.Int64N(100000) - 30000)
		}
		switch {
		case d.chance(50):
			d.note("null")
		case d.chance(6):
			r.at = ptr(now[s] - d.Int64N(in.delay+1)) // out of order, in time
			d.note("out of order")
		case d.chance(12):
			r.at = ptr(now[s] - in.delay - d.Int64N(60*second))
		default:
			r.at = ptr(now[s])
		}
		in.splits[s] = append(in.splits[s], r)
		if d.chance(15) { // the same once more
			again := r
			again.id, again.pos = int64(n+id), int64(len(in.splits[s]))
			in.splits[s] = append(in.splits[s], again)
			d.note("duplicate")
		}
	}
	in.passed(d)
	return in
}

func ptr[T any](v T) *T { return &v }

// passed works out which rows came behind their split's watermark: the model of the late rule.
func (in *data) passed(d *draw) {
	for s := range in.splits {
		greatest, any := int64(0), false
		for i := range in.splits[s] {
			r := &in.splits[s][i]
			r.behind = math.MinInt64
			if r.at == nil {
				continue
			}
			if any && *r.at < greatest-in.delay {
				r.behind = greatest - in.delay
				d.note("behind")
			}
			if !any || *r.at > greatest {
				greatest, any = *r.at, true
			}
		}
	}
}

// shared is passed for a watermark that the split furthest ahead makes, where every epoch reads so many rows of each
// split: rows are measured by the greatest time in the epochs before theirs. It returns the watermark at the end.
func (in *data) shared(d *draw, limit int64) int64 {
	final := int64(math.MinInt64)
	for from := int64(0); ; from += limit {
		behind, more := final, false
		for s := range in.splits {
			for i := from; i < min(from+limit, int64(len(in.splits[s]))); i++ {
				r := &in.splits[s][i]
				more, r.behind = true, math.MinInt64
				if r.at == nil {
					continue
				}
				if *r.at < behind {
					r.behind = behind
					d.note("behind")
				}
				final = max(final, *r.at-in.delay)
			}
		}
		if !more {
			return final
		}
	}
}

// final is the watermark of the whole input when all is read, math.MinInt64 while a split has none.
func (in *data) final() int64 {
	least := int64(math.MaxInt64)
	for _, split := range in.splits {
		greatest := int64(math.MinInt64)
		for _, r := range split {
			if r.at != nil {
				greatest = max(greatest, *r.at)
			}
		}
		if greatest == math.MinInt64 {
			return greatest
		}
		least = min(least, greatest-in.delay)
	}
	return least
}

// longest is how many rows the longest split has.
func (in *data) longest() (rows int64) {
	for _, split := range in.splits {
		rows = max(rows, int64(len(split)))
	}
	return rows
}

// ids are the rows' ids as text, sorted as text.
func (in *data) ids() []string {
	var ids []string
	for _, rows := range in.splits {
		for _, r := range rows {
			ids = append(ids, strconv.FormatInt(r.id, 10))
		}
	}
	slices.Sort(ids)
	return ids
}

// source makes rows a source.
func source(splits [][]row) (*memory.Source, error) {
	s := memory.NewSource(schema, len(splits))
	for i, rows := range splits {
		b := make([]*batch.Builder, len(schema.Fields))
		for c, f := range schema.Fields {
			b[c] = batch.NewBuilder(f.Type, nil)
		}
		for _, r := range rows {
			b[0].Int64(r.id)
			if r.k == nil {
				b[1].Null()
			} else {
				b[1].String(*r.k)
			}
			b[2].Int64(r.g)
			number(b[3], r.v)
			if r.x == nil {
				b[4].Null()
			} else {
				b[4].Decimal(batch.Int128From(*r.x))
			}
			number(b[5], r.at)
		}
		columns := make([]*batch.Column, len(b))
		for c := range b {
			columns[c] = b[c].Finish()
		}
		if err := s.Add(i, batch.NewBatch(schema, len(rows), columns...)); err != nil {
			return nil, err
		}
	}
	return s, nil
}

func number(b *batch.Builder, v *int64) {
	if v == nil {
		b.Null()
	} else {
		b.Int64(*v)
	}
}

// statements make the input a table t in DuckDB; times are microseconds as BIGINT.
func (in *data) statements() []string {
	var values strings.Builder
	text := func(v any) string {
		switch v := v.(type) {
		case *string:
			if v != nil {
				return "'" + *v + "'"
			}
		case *int64:
			if v != nil {
				return strconv.FormatInt(*v, 10)
			}
		}
		return "NULL"
	}
	for s, rows := range in.splits {
		for _, r := range rows {
			if values.Len() > 0 {
				values.WriteByte(',')
			}
			fmt.Fprintf(&values, "(%d,%s,%d,%s,%s/100.0::DECIMAL(10,2),%s,%d,%d,%d)", r.id, text(r.k), r.g, text(r.v), text(r.x), text(r.at), r.behind, s, r.pos)
		}
	}
	return []string{
		"CREATE OR REPLACE TEMP TABLE t(id BIGINT, k VARCHAR, g BIGINT, v BIGINT, x DECIMAL(10,2), ts BIGINT, behind BIGINT, split INT, pos BIGINT)",
		"INSERT INTO t VALUES " + values.String(),
	}
}
